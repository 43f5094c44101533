package codebuild_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// The test program starts itself again in this role: a sandbox that runs a build until it is
// killed.
const victim = "CODEBUILD_TEST_VICTIM"

func TestABuildEndsWithASandboxThatIsKilled(t *testing.T) {
	if os.Getenv(victim) != "" {
		w := makeWorld(t)
		w.project("jobs", spec("sleep 1000 & echo pid $! pid; wait"))
		b := w.start("jobs")
		w.logged(b, "pid ")
		fmt.Println("\n" + w.log(b))
		select {} // until it is killed
	}
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), victim+"=1", "TMPDIR="+t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := ""
	for lines := bufio.NewScanner(out); pid == "" && lines.Scan(); {
		if f := strings.Fields(lines.Text()); len(f) == 3 && f[0] == "pid" {
			pid = f[1]
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	(&world{t: t}).eventually("process "+pid+" is gone", func() bool {
		stat, err := exec.Command("ps", "-o", "stat=", "-p", pid).Output()
		return err != nil || strings.HasPrefix(string(stat), "Z") // gone, or waits for whoever inherited it
	})
}
