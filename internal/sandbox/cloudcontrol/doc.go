// Package cloudcontrol is the sandbox's Cloud Control API, as far as it reads: GetResource
// answers with all live properties of a resource of a type whose drift the sandbox has, and
// refuses every other type and every other action by name.
//
// It speaks AWS's JSON 1.0 protocol. What a resource is live it is told by whoever made it.
package cloudcontrol
