//go:build !unix

package admin

// chmodSocket does nothing: the folder's permissions are the file's.
func chmodSocket(uintptr) error { return nil }
