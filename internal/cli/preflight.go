package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/driftless-gitops/driftless/internal/aws/api"
)

func preflightCommand(f *flags) *cobra.Command {
	return &cobra.Command{Use: "preflight", Short: "Look whether Driftless can be installed with these AWS credentials",
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := signIn(cmd.Context(), f)
			if err != nil {
				return err
			}
			at, ready, err := client.Bootstrapped(cmd.Context())
			if err != nil {
				return err
			}
			result := struct {
				api.Place
				Bootstrapped bool `json:"bootstrapped"`
			}{at, ready}
			if err := f.print(result, func() string { return fmt.Sprintf("account %s, region %s\n", at.Account, at.Region) }); err != nil {
				return err
			}
			if !ready {
				return fmt.Errorf("the CDK bootstrap stack %s is missing there; run this once, then try again:\n\n  npx cdk bootstrap aws://%s/%s",
					api.Toolkit, at.Account, at.Region)
			}
			return nil
		}}
}
