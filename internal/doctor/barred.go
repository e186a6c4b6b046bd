package doctor

import (
	"fmt"

	"github.com/nephoscope/nephoscope/internal/install"
)

// Barred says what keeps a user from reading a file, and the command that cures it; "": nothing does, or it cannot be seen from here.
func (h Host) Barred(who Who, path string) (what, cure string) {
	f := filesSeen{w: &World{Host: h, User: who}, look: h.Node}
	found := reach(f.look, who, path, mayRead)
	if found == nil || found.err != nil {
		return "", ""
	}
	b := &blocked{block: *found, folder: found.node.Mode.IsDir()}
	what = fmt.Sprintf("%s cannot be %s by %s: %s", b.path, verb(b.want, b.folder), who.Name, f.owners(b))
	if group := h.Group(firstOf(who.GIDs)); !b.folder && b.node.ACL == nil && b.node.GID == 0 && group != "" {
		file := install.ShellWord(b.path)
		return what, fmt.Sprintf("sudo chgrp %s %s && sudo chmod g+r %s", install.ShellWord(group), file, file)
	}
	return what, f.folderCure(b)
}

func firstOf(gids []int) int {
	if len(gids) == 0 {
		return -1
	}
	return gids[0]
}
