package docker

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// pauseRepository is where the pause images live; the tag is the hash of their content.
const pauseRepository = "gozun/pause"

// pausePath is the program's place in its image.
const pausePath = "/pause"

// pauseCode returns the machine code of a program that sleeps for ever, restarting the wait
// when a signal interrupts it, and the ELF machine number and page size it is for. Written
// by hand because a Go binary of that purpose takes a megabyte and four threads for each
// container on the host.
func pauseCode(arch string) (code []byte, machine uint16, page uint64, err error) {
	switch arch {
	case "amd64":
		return []byte{
			0xb8, 0x22, 0x00, 0x00, 0x00, // mov eax, 34 (pause)
			0x0f, 0x05, // syscall
			0xeb, 0xf7, // jmp to the mov
		}, 62, 0x1000, nil
	case "arm64": // has no pause; ppoll of nothing without a timeout is the same
		words := []uint32{
			0xd2800928,                                                 // mov x8, #73 (ppoll)
			0xd2800000, 0xd2800001, 0xd2800002, 0xd2800003, 0xd2800004, // x0…x4 = 0
			0xd4000001, // svc #0
			0x17fffff9, // b to the first mov: the call has overwritten x0
		}
		for _, word := range words {
			code = binary.LittleEndian.AppendUint32(code, word)
		}
		return code, 183, 0x10000, nil
	}
	return nil, 0, 0, fmt.Errorf("cannot make a pause program for architecture %q: only amd64 and arm64 are known", arch)
}

// pauseProgram returns a static ELF executable: the 64 byte header, one 56 byte program
// header that maps the whole file readable and executable, and the code.
func pauseProgram(arch string) ([]byte, error) {
	code, machine, page, err := pauseCode(arch)
	if err != nil {
		return nil, err
	}
	const base, headers = 0x400000, 64 + 56
	size := uint64(headers + len(code))
	le := binary.LittleEndian
	elf := []byte{0x7f, 'E', 'L', 'F', 2 /* 64 bit */, 1 /* little endian */, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	elf = le.AppendUint16(elf, 2) // executable
	elf = le.AppendUint16(elf, machine)
	elf = le.AppendUint32(elf, 1)
	elf = le.AppendUint64(elf, base+headers) // entry
	elf = le.AppendUint64(elf, 64)           // program headers
	elf = le.AppendUint64(elf, 0)            // no sections
	elf = le.AppendUint32(elf, 0)
	for _, short := range []uint16{64, 56, 1, 0, 0, 0} { // sizes and counts of headers
		elf = le.AppendUint16(elf, short)
	}
	elf = le.AppendUint32(elf, 1) // load
	elf = le.AppendUint32(elf, 5) // readable, executable
	for _, long := range []uint64{0, base, base, size, size, page} {
		elf = le.AppendUint64(elf, long)
	}
	return append(elf, code...), nil
}

// pauseImage returns the root file system of the sandbox image as a tar, the same bytes
// each time, and the reference it is imported as.
func pauseImage(arch string) (archive []byte, ref string, err error) {
	program, err := pauseProgram(arch)
	if err != nil {
		return nil, "", err
	}
	var buffer bytes.Buffer
	w := tar.NewWriter(&buffer)
	header := &tar.Header{Name: pausePath[1:], Mode: 0o755, Size: int64(len(program)), Format: tar.FormatUSTAR}
	if err := w.WriteHeader(header); err != nil {
		return nil, "", fmt.Errorf("cannot make the pause image: %w", err)
	}
	if _, err := w.Write(program); err != nil {
		return nil, "", fmt.Errorf("cannot make the pause image: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, "", fmt.Errorf("cannot make the pause image: %w", err)
	}
	sum := sha256.Sum256(buffer.Bytes())
	return buffer.Bytes(), pauseRepository + ":" + hex.EncodeToString(sum[:])[:12], nil
}
