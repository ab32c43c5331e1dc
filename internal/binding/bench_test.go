package binding

import (
	"context"
	"testing"
)

// BenchmarkPlug is one plug and one unplug for each kind of switch, in one run.
func BenchmarkPlug(b *testing.B) {
	s := mustSwitch(b)
	bridge, tap := ovsPort(), ovsPort()
	bridge.VIFType, tap.VIFType = "bridge", "tap"
	for _, kind := range []struct {
		name string
		port Binding
	}{
		{"tap", tap},
		{"bridge", bridge},
		{"ovs", ovsPort()},
		{"hybrid", ovsPort().with("ovs_hybrid_plug", true)},
	} {
		b.Run(kind.name, func(b *testing.B) {
			for b.Loop() {
				must(b, s.binder.Plug(context.Background(), kind.port))
				must(b, s.binder.Unplug(context.Background(), kind.port))
			}
		})
	}
}
