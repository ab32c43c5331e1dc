package control

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// makeName returns a name for a container that was given none, two words and a number,
// drawn from a UUID.
func makeName(id string) string {
	raw, err := hex.DecodeString(strings.ReplaceAll(id, "-", ""))
	if err != nil || len(raw) < 4 {
		return "container-" + id
	}
	qualities := strings.Fields(`amber brisk calm candid clear crisp deft eager early fleet fresh gentle glad
		golden grand hardy humble jolly keen kind lively lucid mellow merry neat noble plain polar proud quick
		quiet rapid ready rustic sandy sharp silver sleek snug solid spry steady stout sunny swift tidy vivid warm`)
	things := strings.Fields(`anchor arch badge barge beacon bell bridge brook cabin canal cedar cliff comet coral
		crane delta dune ember falcon fern ferry fjord forge garden glacier harbor hazel heron island juniper kite
		lagoon lantern larch ledge lynx maple marsh meadow mill otter pebble pier plover quarry reef ridge sail willow`)
	return fmt.Sprintf("%s-%s-%d", qualities[int(raw[0])%len(qualities)], things[int(raw[1])%len(things)], int(raw[2])<<8|int(raw[3]))
}
