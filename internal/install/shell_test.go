package install

import "testing"

func TestUsersAreCreatedByNameAndNotByNumber(t *testing.T) {
	for name, want := range map[string]string{
		"cwagent": "create it with: useradd --system cwagent",
		"991":     "create it with: useradd --system --uid 991 NAME",
		"a b":     "create it with: useradd --system 'a b'",
	} {
		if got := CreateUser(name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}
