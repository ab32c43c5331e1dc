package docker

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

func TestPauseProgramIsAnExecutable(t *testing.T) {
	for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		t.Run(arch, func(t *testing.T) {
			program, err := pauseProgram(arch)
			if err != nil {
				t.Fatal(err)
			}
			file, err := elf.NewFile(bytes.NewReader(program))
			if err != nil {
				t.Fatal(err)
			}
			if file.Machine != machine || file.Type != elf.ET_EXEC || len(file.Progs) != 1 {
				t.Errorf("got %v %v with %d segments", file.Machine, file.Type, len(file.Progs))
			}
			if segment := file.Progs[0]; segment.Filesz != uint64(len(program)) || file.Entry != segment.Vaddr+120 {
				t.Errorf("got a segment of %d of %d bytes, entry %#x", segment.Filesz, len(program), file.Entry)
			}
			if len(program) > 160 {
				t.Errorf("got %d bytes: too many for what it does", len(program))
			}
		})
	}
}

func TestPauseProgramOfAnUnknownArchitectureIsRefused(t *testing.T) {
	if _, err := pauseProgram("vax"); err == nil {
		t.Error("got a program for a VAX")
	}
}

// TestPauseProgramSleepsThroughSignals runs it: it must be there after a signal that it is
// resumed from, asleep, and end by SIGKILL.
func TestPauseProgramSleepsThroughSignals(t *testing.T) {
	program, err := pauseProgram(runtime.GOARCH)
	if err != nil {
		t.Skip(err)
	}
	path := filepath.Join(t.TempDir(), "pause")
	if err := os.WriteFile(path, program, 0o755); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(path)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	for _, signal := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGCONT, syscall.SIGWINCH} {
		if err := command.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case err := <-ended:
		t.Fatalf("it ended: %v", err)
	case <-time.After(50 * time.Millisecond): // that it stays can only be seen by looking for a while
	}
	if err := command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-ended
	if state, ok := command.ProcessState.Sys().(syscall.WaitStatus); !ok || state.Signal() != syscall.SIGKILL {
		t.Errorf("it ended by %v, want SIGKILL", command.ProcessState)
	}
}

func TestPauseImageIsTheSameEachTime(t *testing.T) {
	first, ref, err := pauseImage("amd64")
	if err != nil {
		t.Fatal(err)
	}
	second, again, err := pauseImage("amd64")
	if err != nil {
		t.Fatal(err)
	}
	if ref != again || !bytes.Equal(first, second) {
		t.Errorf("got %s and %s", ref, again)
	}
}
