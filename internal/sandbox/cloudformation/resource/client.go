package resource

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// Client calls moto's services over HTTP. It does without the SDK's clients, of which there
// would be one per service for a handful of calls each.
type Client struct {
	URL      string        // moto's address
	Tables   string        // that of DynamoDB's moto; URL when empty
	Endpoint func() string // the address that clients use, which moto puts into queue URLs
	HTTP     *http.Client

	stacks sync.Map // of stackKinds: a resource (account, region, type, id) -> its stack in moto
}

// Scope is where a call acts.
type Scope struct{ Account, Region string }

// queryVersions are the API versions that the Query protocol wants to be named.
var queryVersions = map[string]string{
	"ec2": "2016-11-15", "iam": "2010-05-08", "sns": "2010-03-31",
	"monitoring": "2010-08-01", "cloudformation": "2010-05-15",
}

// jsonTargets are the X-Amz-Target prefixes of the JSON protocols.
var jsonTargets = map[string]string{
	"sqs": "AmazonSQS.", "dynamodb": "DynamoDB_20120810.", "ssm": "AmazonSSM.",
	"events": "AWSEvents.", "logs": "Logs_20140328.", "kms": "TrentService.",
	"secretsmanager": "secretsmanager.",
	"ecr":            "AmazonEC2ContainerRegistry_V20150921.",
}

// Query calls a service of the Query protocol. Lists in params become name.1, or
// name.member.1 for the services that want it so.
func (c *Client) Query(ctx context.Context, s Scope, service, action string, params map[string]any) (*Node, error) {
	form := url.Values{"Action": {action}, "Version": {queryVersions[service]}}
	infix := ".member."
	if service == "ec2" {
		infix = "."
	}
	for k, v := range params {
		flatten(form, k, v, infix)
	}
	b, err := c.send(ctx, s, service, http.MethodPost, "/", strings.NewReader(form.Encode()),
		http.Header{"Content-Type": {"application/x-www-form-urlencoded"}})
	if err != nil {
		return nil, err
	}
	return parseXML(b)
}

func flatten(form url.Values, name string, v any, infix string) {
	switch v := v.(type) {
	case nil:
	case map[string]any:
		for k, e := range v {
			flatten(form, name+"."+k, e, infix)
		}
	case []any:
		for i, e := range v {
			flatten(form, name+infix+strconv.Itoa(i+1), e, infix)
		}
	default:
		form.Set(name, text(v))
	}
}

// JSON calls an operation of a service of the JSON protocols.
func (c *Client) JSON(ctx context.Context, s Scope, service, operation string, in any) (map[string]any, error) {
	version := "application/x-amz-json-1.1"
	if service == "sqs" || service == "dynamodb" {
		version = "application/x-amz-json-1.0"
	}
	return c.json(ctx, s, service, http.MethodPost, "/", in,
		http.Header{"Content-Type": {version}, "X-Amz-Target": {jsonTargets[service] + operation}})
}

// REST calls a service of the REST-JSON protocol. in may be nil.
func (c *Client) REST(ctx context.Context, s Scope, service, method, path string, in any) (map[string]any, error) {
	return c.json(ctx, s, service, method, path, in, http.Header{"Content-Type": {"application/json"}})
}

func (c *Client) json(ctx context.Context, s Scope, service, method, path string, in any, h http.Header) (map[string]any, error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("encode %s request: %w", service, err)
		}
		body = bytes.NewReader(b)
	}
	b, err := c.send(ctx, s, service, method, path, body, h)
	if err != nil || len(bytes.TrimSpace(b)) == 0 {
		return nil, err
	}
	var out map[string]any
	if err := json.Unmarshal(b, &out); err != nil {
		return nil, fmt.Errorf("decode %s answer: %w", service, err)
	}
	return out, nil
}

// S3 calls S3. The answer is nil where there is no body.
func (c *Client) S3(ctx context.Context, s Scope, method, path string, body []byte) ([]byte, error) {
	return c.send(ctx, s, "s3", method, path, bytes.NewReader(body), nil)
}

func (c *Client) send(ctx context.Context, s Scope, service, method, path string, body io.Reader, h http.Header) ([]byte, error) {
	address := c.URL
	if service == "dynamodb" && c.Tables != "" {
		address = c.Tables
	}
	req, err := http.NewRequestWithContext(ctx, method, address+path, body)
	if err != nil {
		return nil, fmt.Errorf("call %s: %w", service, err)
	}
	for k, v := range h {
		req.Header[k] = v
	}
	// moto routes by the scope of the signature and checks nothing else of it; the account
	// it takes from its own header (moto/core/responses.py, 5.2.1).
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=moto/20260101/"+s.Region+"/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	req.Header.Set("X-Moto-Account-Id", s.Account)
	if c.Endpoint != nil && service != "s3" {
		if u, err := url.Parse(c.Endpoint()); err == nil && u.Host != "" {
			req.Host = u.Host
		}
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return nil, fmt.Errorf("call %s: %w", service, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("read %s answer: %w", service, err)
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return nil, apiError(resp, b)
	}
	return b, nil
}

// apiError reads an error of any of the protocols.
func apiError(resp *http.Response, body []byte) error {
	e := &wire.Error{Status: resp.StatusCode, Code: "InternalFailure"}
	var j map[string]any
	if json.Unmarshal(body, &j) == nil {
		for _, k := range []string{"__type", "Code", "Type"} {
			if s, ok := j[k].(string); ok {
				e.Code = s[strings.LastIndex(s, "#")+1:]
				break
			}
		}
		if h := resp.Header.Get("X-Amzn-Errortype"); h != "" {
			e.Code = h
		}
		for _, k := range []string{"message", "Message"} {
			if s, ok := j[k].(string); ok {
				e.Message = s
			}
		}
		return e
	}
	if n, err := parseXML(body); err == nil {
		if code := n.Find("Code"); code != nil {
			e.Code, e.Message = code.Text, n.Value("Message")
			return e
		}
	}
	e.Message = fmt.Sprintf("moto answered %d to %s %s", resp.StatusCode, resp.Request.Method, resp.Request.URL.Path)
	return e
}

// missing says whether err is a service's way of saying that the thing is not there.
func missing(err error) bool {
	var e *wire.Error
	if !errors.As(err, &e) {
		return false
	}
	return e.Status == http.StatusNotFound || strings.Contains(e.Code, "NotFound") ||
		strings.Contains(e.Code, "NoSuch") || strings.Contains(e.Code, "NonExistent") ||
		strings.Contains(e.Code, "DoesNotExist") || strings.Contains(e.Code, "NotAttached")
}

// gone turns such an error into none, for deletions.
func gone(err error) error {
	if missing(err) {
		return nil
	}
	return err
}

// Node is an XML element.
type Node struct {
	Name     string
	Text     string
	Children []*Node
}

func parseXML(b []byte) (*Node, error) {
	d := xml.NewDecoder(bytes.NewReader(b))
	root := &Node{}
	stack := []*Node{root}
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return root, nil
		}
		if err != nil {
			return nil, fmt.Errorf("parse answer: %w", err)
		}
		top := stack[len(stack)-1]
		switch t := t.(type) {
		case xml.StartElement:
			n := &Node{Name: t.Name.Local}
			top.Children = append(top.Children, n)
			stack = append(stack, n)
		case xml.EndElement:
			top.Text = strings.TrimSpace(top.Text)
			stack = stack[:len(stack)-1]
		case xml.CharData:
			top.Text += string(t)
		}
	}
}

// Find returns the first element of that name at any depth, or nil.
func (n *Node) Find(name string) *Node {
	if n == nil {
		return nil
	}
	for _, c := range n.Children {
		if c.Name == name {
			return c
		}
		if found := c.Find(name); found != nil {
			return found
		}
	}
	return nil
}

// Value is the text of the first element of that name, or empty.
func (n *Node) Value(name string) string {
	if f := n.Find(name); f != nil {
		return f.Text
	}
	return ""
}

// List returns the children of the first element of that name.
func (n *Node) List(name string) []*Node {
	if f := n.Find(name); f != nil {
		return f.Children
	}
	return nil
}
