package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// maxFileLine bounds the first line of a file, in bytes. No more of the file is read.
const maxFileLine = 4 << 10

// fileProber passes when the first word of a file is "up" and fails when it is "down"; letters' case does not matter.
// Whatever else is or is not there is no statement about the target, so the last state stays. What follows on the line
// is the operator's remark, and gets into the Detail.
//
// A prober that reads from a file system that hangs does not return: it is for the watchdog to say so.
type fileProber struct{ file string }

// fieldsFile are the fields of a file's check.
var fieldsFile = group{[]string{"File"}, Spec.checkFile}

func (s Spec) checkFile() error {
	if !filepath.IsAbs(s.File) || strings.ContainsRune(s.File, 0) {
		return fmt.Errorf("file: %q is not an absolute path", s.File)
	}
	return nil
}

func newFileProber(s Spec, _ *network) (Prober, error) { return &fileProber{file: s.File}, nil }

func (p *fileProber) Probe(ctx context.Context) Result {
	if ctx.Err() != nil {
		return classify(ctx, "file", ctx.Err(), ReasonInternal).result()
	}
	line, err := firstLine(p.file)
	if err != nil {
		return err.result()
	}
	return verdictOfLine(line).result()
}

// Watch implements Watcher.
func (p *fileProber) Watch(changed func()) (stop func(), err error) {
	return systemNotifier.watch(p.file, changed)
}

// verdictOfLine judges the first line of a file.
func verdictOfLine(line string) *probeError {
	line = strings.TrimSpace(line)
	word, rest := line, ""
	if end := strings.IndexAny(line, " \t"); end >= 0 {
		word, rest = line[:end], line[end:]
	}
	said := remark(rest)
	if said != "" {
		said = ": " + said
	}
	switch {
	case strings.EqualFold(word, "up"):
		return &probeError{outcome: Pass, reason: ReasonOK, detail: "the file says up" + said}
	case strings.EqualFold(word, "down"):
		return failure(ReasonDown, "the file says down"+said)
	case word == "":
		return indeterminate(ReasonFile, "file: the first line is empty")
	default:
		// The word is not shown: it may come from quite another file than the operator meant.
		return indeterminate(ReasonFile, "file: the first word is neither up nor down")
	}
}

// firstLine reads the first line of a regular file. Opening does not wait for the other end of a pipe, and reading
// takes no byte from a device.
func firstLine(file string) (string, *probeError) {
	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", unreadable(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", unreadable(err)
	}
	if !info.Mode().IsRegular() {
		return "", indeterminate(ReasonFile, "file: not a regular file")
	}
	content, err := io.ReadAll(io.LimitReader(f, maxFileLine+1))
	if err != nil {
		return "", unreadable(err)
	}
	line, _, ended := bytes.Cut(content, []byte("\n"))
	if !ended && len(content) > maxFileLine {
		return "", indeterminate(ReasonFile, "file: the first line is too long")
	}
	return string(line), nil
}

// unreadable gives the verdict on a file that cannot be read.
func unreadable(err error) *probeError {
	if errors.Is(err, fs.ErrNotExist) {
		return indeterminate(ReasonFile, "file: there is none")
	}
	errno, ok := errors.AsType[syscall.Errno](err)
	switch {
	case !ok:
		return indeterminate(ReasonFile, "file: cannot be read")
	case errno == syscall.EMFILE, errno == syscall.ENFILE, errno == syscall.ENOMEM:
		return indeterminate(ReasonFDLimit, "file: "+errno.Error())
	default:
		return indeterminate(ReasonFile, "file: "+errno.Error())
	}
}
