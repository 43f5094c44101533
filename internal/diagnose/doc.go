// Package diagnose explains what is wrong with an application and what can be done about it,
// from what the API knows of it: its record, the deployment that ended last, and the latest
// drift report. It is pure, asks nobody and changes nothing.
//
// A finding says what happened in the words of whoever said so, why that is where the words
// are well known, with the page that says so, and what can be done, the safest first, as
// commands that can be typed as they stand. What it does not know it does not explain. It
// imports package gitops and nothing else of ours.
package diagnose
