// Package sts is the sandbox's Security Token Service: it decides who may assume a role, by
// the role's trust policy with its ExternalId, and knows whom every access key belongs to.
//
// Roles, users and the sessions themselves are moto's; moto lets anyone assume any role,
// existing or not, which would hide a wrong ExternalId. Identity policies are not evaluated:
// whoever a role trusts may assume it. Wordings come from AWS's documentation.
package sts
