package e2e_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/driftless-gitops/driftless/internal/demo"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation"
)

// secretive is a template with a secret in each place that a team may put one: a parameter of
// NoEcho and its default, a property made from it, and one that CloudFormation looks up.
func secretive(name, fallback, more string) string {
	return fmt.Sprintf(`Parameters:
  Password: { Type: String, NoEcho: true, Default: %[2]s%[3]s }
  Visibility: { Type: Number, Default: 5 }
Resources:
  Stored:
    Type: AWS::SSM::Parameter
    Properties: { Name: /secretive/%[1]s, Type: String, Value: !Sub "user:${Password}" }
  LookedUp:
    Type: AWS::SSM::Parameter
    Properties: { Name: /secretive/%[1]s-looked-up, Type: String, Value: "{{resolve:secretsmanager:secretive:SecretString:password}}" }
  Queue:
    Type: AWS::SQS::Queue
    Properties: { QueueName: %[1]s, VisibilityTimeout: !Ref Visibility }
`, name, quoted(fallback), more)
}

// quoted is a text as JSON and YAML both read it.
func quoted(text string) string {
	data, err := json.Marshal(text)
	if err != nil { // a string is always written
		return text
	}
	return string(data)
}

// shapes are the forms that a parameter file may have, each with a password and a number.
var shapes = map[string]func(name, password string, visibility int) string{
	"secret-cli": func(_, password string, visibility int) string {
		return fmt.Sprintf(`[{"ParameterKey": "Password", "ParameterValue": %s}, {"ParameterKey": "Visibility", "ParameterValue": "%d"}]`, quoted(password), visibility)
	},
	"secret-short": func(_, password string, visibility int) string {
		return fmt.Sprintf(`[%s, "Visibility=%d"]`, quoted("Password="+password), visibility)
	},
	"secret-pipeline": func(_, password string, visibility int) string {
		return fmt.Sprintf(`{"Parameters": {"Password": %s, "Visibility": "%d"}}`, quoted(password), visibility)
	},
	"secret-gitsync": func(name, password string, visibility int) string {
		return fmt.Sprintf("template-file-path: stacks/%s/template.yaml\nparameters:\n  Password: %s\n  Visibility: %d\n", name, quoted(password), visibility)
	},
}

// Secrets go in by every way there is. That none comes out is held against all outputs of all
// tests, at the end: TestI10_NoSecretThatWentInCameOut.
func TestI10_SecretsOfParametersAreDeployedChangedDriftedAndFailed(t *testing.T) {
	if sharedIs != nil {
		t.Fatal(sharedIs)
	}
	if _, err := secretsmanager.NewFromConfig(config(t)).CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("secretive"),
		SecretString: aws.String(fmt.Sprintf(`{"password":%q}`, vault.Plant("the value of a dynamic reference")))}); err != nil {
		t.Fatal(err)
	}
	files, names := map[string]string{}, []string{"secret-cli", "secret-short", "secret-pipeline", "secret-gitsync"}
	all := file(names...)
	for _, n := range names {
		files["stacks/"+n+"/template.yaml"] = secretive(n, vault.PlantInGit("the default of NoEcho in "+n), "")
		files["stacks/"+n+"/parameters"] = shapes[n](n, vault.PlantInGit("a parameter of "+n), 5)
		all = strings.Replace(all, "{ stack: "+n+" }", "{ stack: "+n+", parameters: parameters }", 1)
	}
	files["driftless.yaml"] = all
	r := watch(t, mapFS(files))
	head := r.git("rev-parse", "HEAD")
	for _, n := range names {
		r.ends(n, head, gitops.PhaseSucceeded)
	}
	r.looked(names...)

	for _, n := range names { // the secret is changed, and with it what is seen of a change
		r.set("stacks/"+n+"/parameters", shapes[n](n, vault.PlantInGit("the next parameter of "+n), 60))
	}
	head = r.push("rotate")
	for _, n := range names {
		r.ends(n, head, gitops.PhaseSucceeded)
	}
	r.drifted(names[0])
	r.looked(names...)
	r.broken()
}

// drifted changes what was made from a secret by hand, looks, and brings it back.
func (r *repo) drifted(name string) {
	r.t.Helper()
	_, err := ssm.NewFromConfig(config(r.t)).PutParameter(r.t.Context(), &ssm.PutParameterInput{Name: aws.String("/secretive/" + name), Overwrite: aws.Bool(true),
		Value: aws.String("user:" + vault.Plant("a secret that was changed by hand")), Type: ssmtypes.ParameterTypeString})
	r.must(err)
	if _, err := r.stage.Run(r.t.Context(), "drift", name, "--detect", "--exit-code"); demo.ExitCode(err) != 2 {
		r.t.Errorf("the drift of a secret exited with %v", err)
	}
	r.looked(name)
	r.cli("sync", name, "--wait")
}

// broken lets a deployment fail in ways whose reasons are made from a secret, or stand beside it.
func (r *repo) broken() {
	r.t.Helper()
	const n, at = "secret-cli", "stacks/secret-cli/"
	said := vault.PlantInGit("a parameter that a resource's failure tells")
	r.stage.Sandbox.Script(cloudformation.Failure{Stack: n, Resource: "Queue", Action: "UPDATE", Times: 1, Reason: "value user:" + said + " is refused"})
	r.set(at+"parameters", shapes[n](n, said, 61))
	r.ends(n, r.push("refused by a resource"), gitops.PhaseFailed)
	r.looked(n)

	r.set(at+"template.yaml", secretive(n, vault.PlantInGit("a default that an output shows"), "")+"Outputs:\n  Told: { Value: !Ref Password }\n")
	r.ends(n, r.push("an output that shows a secret"), gitops.PhaseFailed)
	r.set(at+"template.yaml", secretive(n, "short", `, MaxLength: 8, AllowedPattern: "[a-z]+"`))
	r.ends(n, r.push("not as the pattern wants it"), gitops.PhaseFailed)
	r.set(at+"template.yaml", secretive(n, vault.PlantInGit("a default that cannot be parsed"), "")+"  Password: { \"")
	r.ends(n, r.push("a template that ends too early"), gitops.PhaseFailed)
	r.looked(n)
	r.set(at+"template.yaml", secretive(n, "fallback", ""))
	r.set(at+"parameters", strings.TrimSuffix(shapes[n](n, vault.PlantInGit("a parameter file that cannot be parsed"), 5), `"}]`))
	r.ends(n, r.push("parameters that end too early"), gitops.PhaseFailed)
	r.looked(n)
	_, _ = r.stage.Run(r.t.Context(), "validate") // tells what is wrong, and exits accordingly
	for _, args := range [][]string{
		{"repository", "add", "https://ann:" + vault.Plant("a password in a URL") + "@git.invalid/acme/infra"},
		{"repository", "add", "https://git.invalid/acme/infra?token=" + vault.Plant("a token in a URL")},
	} {
		if out, err := r.stage.Both(r.t.Context(), args...); err == nil {
			r.t.Errorf("a URL with a secret in it was taken: %s", out)
		}
	}
}

// looked runs every command that shows something of applications, for people and for programs.
func (r *repo) looked(names ...string) {
	r.t.Helper()
	for _, n := range names {
		for _, command := range []string{"status", "diff", "drift", "history"} {
			r.cli(command, n)
			r.cli(command, n, "-o", "json")
		}
		v, _ := r.app(n)
		for _, more := range [][]string{nil, {"-o", "json"}} { // says so where there was no plan
			_, _ = r.stage.Run(r.t.Context(), append([]string{"diff", n, "--deployment", v.Application.Ended.Deployment}, more...)...)
		}
	}
}
