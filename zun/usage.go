package zun

import "context"

// Gauges tell what a running container does and uses. CodeConflict: it does not run, or
// is not in Docker; CodeUnavailable: its host does not answer.
type Gauges interface {
	// Top lists the container's processes as ps shows them; args are more arguments of ps,
	// separated by blanks, and "" is ps's default. CodeInvalid: ps does not take them.
	Top(ctx context.Context, container Container, args string) (Processes, error)

	// Usage returns one sample of what the container uses.
	Usage(ctx context.Context, container Container) (Usage, error)
}

// Processes are the processes of a container, one row for each, under their titles.
type Processes struct {
	Titles []string
	Rows   [][]string
}

// Usage is what a container has used since it was started, and uses now.
type Usage struct {
	CPUNanoseconds    int64 // of processor time that it has had
	SystemNanoseconds int64 // of processor time that the host has had since it was started, all cores together
	MemoryBytes       int64 // in use, without what the kernel could drop at once
	MemoryLimit       int64 // bytes
	ReadBytes         int64 // from block devices
	WrittenBytes      int64
	ReceivedBytes     int64 // over all its networks
	SentBytes         int64
}

// CPUPercent is the container's part of all the processor time that its host has had since
// it was started, which is what Zun shows.
func (u Usage) CPUPercent() float64 { return percent(u.CPUNanoseconds, u.SystemNanoseconds) }

// MemoryPercent is the part of its memory that the container uses.
func (u Usage) MemoryPercent() float64 { return percent(u.MemoryBytes, u.MemoryLimit) }

func percent(part, whole int64) float64 {
	if whole <= 0 {
		return 0
	}
	return 100 * float64(part) / float64(whole)
}
