package forge

import "encoding/json"

// App is what the secret of a repository holds, as JSON, that is read and reported to as a
// GitHub App.
type App struct {
	AppID          json.Number `json:"appId"`
	InstallationID json.Number `json:"installationId"`
	PrivateKey     string      `json:"privateKey"` // PEM
}
