package resource

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// apiKinds are APIs of the first kind, whose definition SAM writes into their bodies. What of a
// definition is not a method or its integration is not kept: nobody calls the API here.
func apiKinds() map[string]verbs {
	return map[string]verbs{
		"AWS::ApiGateway::RestApi":    {restCreate, restUpdate, restDelete, nil},
		"AWS::ApiGateway::Deployment": {deploymentCreate, nil, deploymentDelete, nil},
		"AWS::ApiGateway::Stage":      {stageCreate, stageUpdate, stageDelete, nil},
	}
}

func (c *call) api(method, path string, in any) (map[string]any, error) {
	return c.rest("apigateway", method, "/restapis"+path, in)
}

// patch is what an update replaces, in the form that all of API Gateway takes.
func patch(values map[string]string) map[string]any {
	list := []any{}
	for _, path := range sortedKeys(values) {
		list = append(list, map[string]any{"op": "replace", "path": path, "value": values[path]})
	}
	return map[string]any{"patchOperations": list}
}

// apiName is the name given, or the title of the definition (template reference,
// AWS::ApiGateway::RestApi, Name).
func (c *call) apiName() string {
	if c.has("Name") {
		return c.text("Name")
	}
	return text(nested(c.Properties, "Body", "info", "title"))
}

func restCreate(c *call) (wire.Made, error) {
	out, err := c.api(http.MethodPost, "", map[string]any{"name": c.apiName(), "description": c.text("Description"), "tags": c.tags()})
	if err != nil {
		return wire.Made{}, err
	}
	c.PhysicalID = text(out["id"])
	root, err := c.define()
	return wire.Made{PhysicalID: c.PhysicalID, Attributes: map[string]any{"RestApiId": c.PhysicalID, "RootResourceId": root}}, err
}

func restUpdate(c *call) (wire.Made, error) {
	made := wire.Made{PhysicalID: c.PhysicalID}
	if _, err := c.api(http.MethodPatch, "/"+c.PhysicalID, patch(map[string]string{"/name": c.apiName(), "/description": c.text("Description")})); err != nil {
		return made, err
	}
	if !c.changed("Body") {
		return made, nil
	}
	root, err := c.define()
	made.Attributes = map[string]any{"RestApiId": c.PhysicalID, "RootResourceId": root}
	return made, err
}

func restDelete(c *call) error {
	_, err := c.api(http.MethodDelete, "/"+c.PhysicalID, nil)
	return err
}

// define brings the API's resources and methods to those of its definition, and returns the
// id of the root.
func (c *call) define() (root string, err error) {
	at := "/" + c.PhysicalID + "/resources"
	out, err := c.api(http.MethodGet, at, nil)
	if err != nil {
		return "", err
	}
	items, _ := out["item"].([]any)
	for _, i := range items {
		r, _ := i.(map[string]any)
		if text(r["path"]) == "/" {
			root = text(r["id"])
			methods, _ := r["resourceMethods"].(map[string]any)
			for m := range methods {
				if _, err := c.api(http.MethodDelete, at+"/"+root+"/methods/"+m, nil); gone(err) != nil {
					return root, err
				}
			}
		} else if _, err := c.api(http.MethodDelete, at+"/"+text(r["id"]), nil); gone(err) != nil {
			return root, err
		}
	}
	paths, _ := nested(c.Properties, "Body", "paths").(map[string]any)
	ids := map[string]string{"": root}
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		id, err := c.pathResource(ids, strings.Trim(path, "/"))
		if err != nil {
			return root, err
		}
		operations, _ := paths[path].(map[string]any)
		if err := c.methods(at+"/"+id+"/methods/", operations); err != nil {
			return root, err
		}
	}
	return root, nil
}

// pathResource returns the id of the resource that a path leads to, made with those above it.
func (c *call) pathResource(ids map[string]string, path string) (string, error) {
	if id, made := ids[path]; made {
		return id, nil
	}
	above, part := "", path
	if i := strings.LastIndex(path, "/"); i >= 0 {
		above, part = path[:i], path[i+1:]
	}
	parent, err := c.pathResource(ids, above)
	if err != nil {
		return "", err
	}
	out, err := c.api(http.MethodPost, "/"+c.PhysicalID+"/resources/"+parent, map[string]any{"pathPart": part})
	if err != nil {
		return "", err
	}
	ids[path] = text(out["id"])
	return ids[path], nil
}

// verbsOfPaths are the keys of a path that are methods (OpenAPI 2.0, "Path Item Object"; API
// Gateway developer guide, "x-amazon-apigateway-any-method").
var verbsOfPaths = []string{"get", "put", "post", "delete", "options", "head", "patch", "x-amazon-apigateway-any-method"}

func (c *call) methods(at string, operations map[string]any) error {
	for _, key := range sortedKeys(operations) {
		if !slices.Contains(verbsOfPaths, key) {
			continue
		}
		method := strings.ToUpper(key)
		if strings.HasPrefix(key, "x-") {
			method = "ANY"
		}
		if _, err := c.api(http.MethodPut, at+method, map[string]any{"authorizationType": "NONE"}); err != nil {
			return err
		}
		integration, _ := nested(operations, key, "x-amazon-apigateway-integration").(map[string]any)
		if integration == nil {
			continue
		}
		in := map[string]any{"type": strings.ToUpper(text(integration["type"])), "httpMethod": integration["httpMethod"], "uri": integration["uri"]}
		if _, err := c.api(http.MethodPut, at+method+"/integration", in); err != nil {
			return err
		}
	}
	return nil
}

// deploymentCreate makes a deployment, and the stage that it may name, which points to it from
// then on if it was there before (API reference, CreateDeployment). moto is told of the two
// apart, since it deletes no deployment whose stage is there, at whatever deployment that is.
func deploymentCreate(c *call) (wire.Made, error) {
	at := "/" + c.text("RestApiId")
	out, err := c.api(http.MethodPost, at+"/deployments", map[string]any{"description": c.text("Description")})
	if err != nil {
		return wire.Made{}, err
	}
	made := wire.Made{PhysicalID: text(out["id"]), Attributes: map[string]any{"DeploymentId": text(out["id"])}}
	if !c.has("StageName") {
		return made, nil
	}
	_, err = c.api(http.MethodPatch, at+"/stages/"+c.text("StageName"), patch(map[string]string{"/deploymentId": made.PhysicalID}))
	if missing(err) {
		_, err = c.api(http.MethodPost, at+"/stages", map[string]any{"stageName": c.text("StageName"), "deploymentId": made.PhysicalID})
	}
	return made, err
}

// deploymentDelete takes the stage away first that came with the deployment, unless another
// deployment has it by now.
func deploymentDelete(c *call) error {
	at := "/" + c.text("RestApiId")
	if c.has("StageName") {
		stage, err := c.api(http.MethodGet, at+"/stages/"+c.text("StageName"), nil)
		if err == nil && text(stage["deploymentId"]) == c.PhysicalID {
			_, err = c.api(http.MethodDelete, at+"/stages/"+c.text("StageName"), nil)
		}
		if gone(err) != nil {
			return err
		}
	}
	_, err := c.api(http.MethodDelete, at+"/deployments/"+c.PhysicalID, nil)
	return err
}

func stageCreate(c *call) (wire.Made, error) {
	in := map[string]any{"stageName": c.text("StageName"), "deploymentId": c.text("DeploymentId"), "description": c.text("Description"), "tags": c.tags()}
	if c.has("Variables") {
		in["variables"] = c.object("Variables")
	}
	_, err := c.api(http.MethodPost, "/"+c.text("RestApiId")+"/stages", in)
	return wire.Made{PhysicalID: c.text("StageName")}, err
}

func stageUpdate(c *call) (wire.Made, error) {
	values := map[string]string{"/deploymentId": c.text("DeploymentId"), "/description": c.text("Description")}
	for name, v := range c.object("Variables") {
		values["/variables/"+name] = text(v)
	}
	_, err := c.api(http.MethodPatch, "/"+c.text("RestApiId")+"/stages/"+c.PhysicalID, patch(values))
	return wire.Made{PhysicalID: c.PhysicalID}, err
}

func stageDelete(c *call) error {
	_, err := c.api(http.MethodDelete, "/"+c.text("RestApiId")+"/stages/"+c.PhysicalID, nil)
	return err
}
