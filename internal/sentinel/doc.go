// Package sentinel plants secrets that nobody has seen before in what a test feeds in, and
// searches what comes out for them: as they are, and as they look escaped, encoded, packed.
// A secret that is found where none may be is a leak.
//
// It knows neither inputs nor outputs: whoever plants says what a secret is, whoever searches
// says where. A new kind of input, such as Terraform's sensitive values, is one more Plant.
// It imports the standard library only.
package sentinel
