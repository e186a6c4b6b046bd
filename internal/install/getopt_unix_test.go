//go:build unix

package install

import (
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
)

// shell prints the options that getopts finds, up to the first mistake.
const shell = `while getopts ":hsa:c:m:l:de:" o; do
	case "$o" in "?"|":") echo wrong; exit ;; esac
	printf '%s=%s\n' "$o" "${OPTARG-}"
done
shift $((OPTIND - 1))
if [ $# -gt 0 ]; then echo wrong; fi`

func TestOptionsAreFoundAsTheShellFindsThem(t *testing.T) {
	pieces := []string{"-a", "-c", "-m", "-l", "-e", "-s", "-d", "-h", "-x", "-", "--", "", "-sa", "-ds", "-dsc", "-afetch-config", "-cfile:x", "-ssm:x", "fetch-config", "ec2", "-a=b", "-sx", "-s-"}
	random := rand.New(rand.NewPCG(4, 2))
	for range 300 {
		var args []string
		for range 1 + random.IntN(6) {
			args = append(args, pieces[random.IntN(len(pieces))])
		}
		out, err := exec.Command("sh", append([]string{"-c", shell, "sh"}, args...)...).Output()
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		found, wrong := getopt(args)
		for _, f := range found {
			got.WriteString(f.name + "=" + f.value + "\n")
		}
		if wrong != nil {
			got.WriteString("wrong\n")
		}
		if got.String() != string(out) {
			t.Errorf("%q: got\n%swant\n%s", args, got.String(), out)
		}
	}
}
