package events

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
)

func TestTargetReceives(t *testing.T) {
	const event = `{"source":"app","time":"2026-11-21T03:04:05Z","detail":{"name":"net \"a\"","count":3,"list":["x","y"],"none":null}}`
	paths := map[string]string{
		"name": "$.detail.name", "count": "$.detail.count", "second": "$.detail.list[1]", "list": "$.detail.list",
		"absent": "$.detail.absent", "none": "$.detail.none",
	}
	template := func(text string) types.Target {
		return types.Target{InputTransformer: &types.InputTransformer{InputPathsMap: paths, InputTemplate: aws.String(text)}}
	}
	for sentence, c := range map[string]struct {
		target types.Target
		want   string
	}{
		"the event when nothing is said":          {types.Target{}, event},
		"a constant":                              {types.Target{Input: aws.String(`{"a":1}`)}, `{"a":1}`},
		"a part of the event":                     {types.Target{InputPath: aws.String("$.detail.list")}, `["x","y"]`},
		"null for a part that is absent":          {types.Target{InputPath: aws.String("$.detail.absent")}, `null`},
		"a value in its JSON form":                {template(`{"n":<count>,"l":<list>,"s":<name>}`), `{"n":3,"l":["x","y"],"s":"net \"a\""}`},
		"text inside a string, escaped":           {template(`{"s":"<name> has <count>"}`), `{"s":"net \"a\" has 3"}`},
		"an array inside a string, escaped":       {template(`{"s":"<list>"}`), `{"s":"[\"x\",\"y\"]"}`},
		"an element of an array":                  {template(`{"s":<second>}`), `{"s":"y"}`},
		"nothing inside a string for what is not": {template(`{"s":"<absent><none>"}`), `{"s":""}`},
		"a template of one string":                {template(`"<second> of <count>"`), `"y of 3"`},
		"a template of plain text, as a string":   {template(`<second> of <count>`), `"\"y\" of 3"`},
		"the rule's name":                         {template(`{"r":"<aws.events.rule-name>"}`), `{"r":"nightly"}`},
		"the event's own time":                    {template(`{"t":<aws.events.event.ingestion-time>}`), `{"t":"2026-11-21T03:04:05Z"}`},
		"what is no variable, untouched":          {template(`{"s":"<unknown>"}`), `{"s":"<unknown>"}`},
	} {
		t.Run(sentence, func(t *testing.T) {
			got, err := payload(c.target, rule{name: "nightly"}, []byte(event))
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != c.want {
				t.Errorf("payload %s, want %s", got, c.want)
			}
		})
	}
}
