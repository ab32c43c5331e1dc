package zun

// Change is what may be changed of a container that is there; nil fields stay.
type Change struct {
	Name      *string  `json:"name,omitempty"`
	CPU       *float64 `json:"cpu,omitempty"`    // cores
	MemoryMiB *int64   `json:"memory,omitempty"` // MiB
	AutoHeal  *bool    `json:"auto_heal,omitempty"`
}

// Resources reports whether the change is one that the host has to make.
func (c Change) Resources() bool { return c.CPU != nil || c.MemoryMiB != nil }

// OnlyHealing reports whether the change is of auto_heal and of nothing else.
func (c Change) OnlyHealing() bool { return c.AutoHeal != nil && c == Change{AutoHeal: c.AutoHeal} }

// Apply returns the container as the change makes it.
func (c Change) Apply(to Container) Container {
	setIf(&to.Name, c.Name)
	setIf(&to.CPU, c.CPU)
	setIf(&to.MemoryMiB, c.MemoryMiB)
	setIf(&to.AutoHeal, c.AutoHeal)
	return to
}

func setIf[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

// Held is what a container had of its host before a resize was ordered. It has it again when
// the resize fails.
type Held struct {
	CPU       float64 `json:"cpu"`
	MemoryMiB int64   `json:"memory_mib"`
}

// Before is what a container was before a rebuild was ordered. It goes back to it when the
// rebuild fails before anything was taken away, as with an image that is not there.
type Before struct {
	Image           string   `json:"image"`
	ImageDriver     string   `json:"image_driver,omitempty"`
	Command         []string `json:"command,omitempty"`
	Entrypoint      []string `json:"entrypoint,omitempty"`
	ImageCommand    bool     `json:"image_command,omitempty"`
	ImageEntrypoint bool     `json:"image_entrypoint,omitempty"`
	Ports           []int    `json:"ports,omitempty"`
}
