package notify

import (
	"net/url"
	"regexp"
	"strings"
	"sync"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// regionName is the shape of a region. It becomes a part of a host, so nothing else will do.
var regionName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d+$`) })

// consoles are the hosts of the consoles by the beginning of a region's name (AWS General
// Reference, "AWS Management Console endpoints"; for China and GovCloud their own "Getting
// started"). The European Sovereign Cloud and the isolated partitions have others, so that
// no link is better than a wrong one.
var consoles = []struct{ prefix, host string }{
	{"cn-", "console.amazonaws.cn"},
	{"us-gov-", "console.amazonaws-us-gov.com"},
	{"eusc-", ""},
	{"us-iso", ""},
	{"eu-iso", ""},
	{"", "console.aws.amazon.com"},
}

// stackURL returns the page of a deployment's stack in CloudFormation's console: its events,
// or the stacks of its region where the stack is not known yet. The console shows a stack of
// the account that one is signed in to.
func stackURL(d gitops.Deployment) string {
	region := d.Settings.Target.Region
	if !regionName().MatchString(region) {
		return ""
	}
	for _, c := range consoles {
		if !strings.HasPrefix(region, c.prefix) {
			continue
		}
		if c.host == "" {
			return ""
		}
		page := "https://" + region + "." + c.host + "/cloudformation/home?region=" + region + "#/stacks"
		if stack := d.Operation.StackID; stack != "" {
			return page + "/events?stackId=" + url.QueryEscape(stack)
		}
		return page
	}
	return ""
}
