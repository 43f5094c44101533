package lambda

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// settings are what a caller chooses of a function, under the names of Lambda's API and
// of CloudFormation, which agree.
type settings struct {
	Description      string            `json:",omitempty"`
	Runtime          string            `json:",omitempty"`
	Handler          string            `json:",omitempty"`
	Role             string            `json:",omitempty"`
	Timeout          integer           `json:",omitempty"`
	MemorySize       integer           `json:",omitempty"`
	Environment      *variables        `json:",omitempty"`
	DeadLetterConfig *deadLetterConfig `json:",omitempty"`
	Layers           []layer           `json:",omitempty"`
	VpcConfig        json.RawMessage   `json:",omitempty"`
	TracingConfig    json.RawMessage   `json:",omitempty"`
	LoggingConfig    json.RawMessage   `json:",omitempty"`
	EphemeralStorage json.RawMessage   `json:",omitempty"`
}

type variables struct {
	Variables map[string]string `json:",omitempty"`
}

type deadLetterConfig struct {
	TargetArn string `json:"TargetArn,omitempty"`
}

// layer is given by its ARN and shown as an object.
type layer struct{ Arn string }

// UnmarshalJSON takes an ARN.
func (l *layer) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &l.Arn) }

// integer is a number that templates may give as text.
type integer int

// UnmarshalJSON takes 60 and "60".
func (i *integer) UnmarshalJSON(b []byte) error {
	n, err := strconv.Atoi(strings.Trim(string(b), `"`))
	if err != nil {
		return err
	}
	*i = integer(n)
	return nil
}

// boolean is a truth that templates may give as text.
type boolean bool

// UnmarshalJSON takes true and "true".
func (t *boolean) UnmarshalJSON(b []byte) error {
	v, err := strconv.ParseBool(strings.Trim(string(b), `"`))
	*t = boolean(v)
	return err
}

// merge applies a partial update, as UpdateFunctionConfiguration takes it, without
// touching what other copies of these settings point to.
func (c settings) merge(body []byte) (settings, error) {
	var given map[string]json.RawMessage
	if err := json.Unmarshal(body, &given); err != nil {
		return settings{}, invalidJSON()
	}
	// What is given replaces as a whole, in fresh memory.
	for name, forget := range map[string]func(){
		"Environment":      func() { c.Environment = nil },
		"DeadLetterConfig": func() { c.DeadLetterConfig = nil },
		"Layers":           func() { c.Layers = nil },
	} {
		if given[name] != nil {
			forget()
		}
	}
	if err := json.Unmarshal(body, &c); err != nil {
		return settings{}, invalidJSON()
	}
	return c, nil
}

func (c *settings) setDefaults() {
	if c.Timeout == 0 {
		c.Timeout = 3
	}
	if c.MemorySize == 0 {
		c.MemorySize = 128
	}
}

var rolePattern = regexp.MustCompile(`^arn:aws[a-zA-Z-]*:iam::\d{12}:role/[a-zA-Z_0-9+=,.@\-_/]+$`)

// reservedVariables may not be set by a function's owner (Lambda developer guide,
// "Defined runtime environment variables").
var reservedVariables = []string{
	"_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
	"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
	"AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
	"AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
	"AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
}

// validate checks what Lambda checks when a function is made or changed.
func (c settings) validate(packageType string) error {
	switch {
	case !rolePattern.MatchString(c.Role):
		return invalid("1 validation error detected: Value '%s' at 'role' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+", c.Role)
	case c.Timeout < 1 || c.Timeout > 900:
		return invalid("1 validation error detected: Value '%d' at 'timeout' failed to satisfy constraint: Member must have value between 1 and 900", c.Timeout)
	case c.MemorySize < 128 || c.MemorySize > 10240:
		return invalid("1 validation error detected: Value '%d' at 'memorySize' failed to satisfy constraint: Member must have value between 128 and 10240", c.MemorySize)
	case packageType == "Zip" && (c.Runtime == "" || c.Handler == ""):
		return invalid("Runtime and Handler are mandatory parameters for functions created with deployment packages.")
	}
	return c.validateEnvironment()
}

func (c settings) validateEnvironment() error {
	if c.Environment == nil {
		return nil
	}
	size := 0
	for key, value := range c.Environment.Variables {
		size += len(key) + len(value)
		if slices.Contains(reservedVariables, key) {
			return invalid("Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: %s", key)
		}
	}
	if size > 4096 {
		return invalid("Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit.")
	}
	return nil
}
