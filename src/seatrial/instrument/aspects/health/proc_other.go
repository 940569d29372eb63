//go:build !linux

package health

import "os"

const tellsHeld = false

func isHeldDeleted(string) bool { return false }

func isHeld(os.FileInfo) bool { return true }

func queued(int) (waiting int, known bool) { return 0, false }

func listeningSockets() (addresses []string) { return nil }
