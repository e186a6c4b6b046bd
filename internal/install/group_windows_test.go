package install

import "io/fs"

func groupID(fs.FileInfo) int { return -1 }
