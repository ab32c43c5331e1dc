package docker

import (
	"os"
	"strings"
	"syscall"
)

// disk is a file system: its size, and the options it is mounted with.
type disk struct {
	bytes   int64
	options []string
}

// diskUnder returns the file system that a directory is on; of a directory that is not on
// this machine nothing is known.
func diskUnder(dir string) disk {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(dir, &stat); err != nil {
		return disk{}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		mounts = nil // then only the options are not known
	}
	return disk{int64(stat.Blocks) * stat.Bsize, mountOptions(string(mounts), dir)} //nolint:gosec // a disk is smaller than 2^63
}

// mountOptions finds in the text of mountinfo (proc_pid_mountinfo(5)) the options of the
// file system that a directory is on.
func mountOptions(mountinfo, dir string) []string {
	var options []string
	longest := -1
	for line := range strings.Lines(mountinfo) {
		of, about, found := strings.Cut(line, " - ")
		mount, fileSystem := strings.Fields(of), strings.Fields(about)
		if !found || len(mount) < 6 || len(fileSystem) < 3 {
			continue
		}
		point := mount[4]
		above := point == "/" || dir == point || strings.HasPrefix(dir, point+"/")
		if above && len(point) >= longest { // of two on one point the later hides the other
			longest = len(point)
			options = strings.Split(mount[5]+","+fileSystem[2], ",")
		}
	}
	return options
}
