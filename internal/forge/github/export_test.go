package github

// Place is place, for its test.
var Place = place
