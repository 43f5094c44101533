package cli

import (
	"runtime/debug"

	"github.com/spf13/cobra"
)

func versionCommand(f *flags) *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Show which version this is", RunE: func(*cobra.Command, []string) error {
		v := struct {
			Version string `json:"version"`
			Go      string `json:"go"`
		}{Version: "(devel)"}
		if info, ok := debug.ReadBuildInfo(); ok {
			v.Go = info.GoVersion
			if info.Main.Version != "" {
				v.Version = info.Main.Version
			}
		}
		return f.print(v, func() string { return "driftless " + v.Version + " " + v.Go + "\n" })
	}}
}
