package gitops

// Stack is a stack of a CDK app, as it was synthesised. Those of an app are listed in an order in
// which each stands after all that it depends on.
type Stack struct {
	ID         string            `json:"id"`                // its artifact's in the cloud assembly
	Name       string            `json:"name"`              // the stack's
	Account    string            `json:"account,omitempty"` // empty: the app leaves it to whoever deploys
	Region     string            `json:"region,omitempty"`  // as Account
	Template   string            `json:"template"`          // key of its template in the data bucket; its file's name is the SHA-256 of its content
	Parameters map[string]string `json:"parameters,omitempty"`
	Tags       map[string]string `json:"tags,omitempty"`
	DependsOn  []string          `json:"dependsOn,omitempty"` // ids of stacks of the same app
}
