package gitops

import "strings"

// CallerName shortens the ARN of a caller to its name, as people are shown it: that of the
// session of a role, of a user or of a role. What is no ARN is a name already.
func CallerName(arn string) string {
	if i := strings.LastIndexAny(arn, "/:"); strings.HasPrefix(arn, "arn:") && i >= 0 {
		return arn[i+1:]
	}
	return arn
}
