package e2e

import (
	"os"
	"path/filepath"
	"testing"
)

// The commands of Debian's zun, in the course of some containers' lives.
func TestStockZun(t *testing.T) {
	c := anyCloud(t)
	isAsBefore := c.dockerAsItIs()
	demo, admin := c.demo(), c.admin()
	front, _ := demo.makeNetwork("front", map[string]any{"cidr": "10.2.0.0/24"})
	back, _ := demo.makeNetwork("back", map[string]any{"cidr": "10.3.0.0/24"})
	for _, name := range []string{"extra", "strict"} {
		demo.neutron("POST", "security-groups", map[string]any{"security_group": map[string]any{"name": name}}, nil)
	}
	demo.neutron("POST", "ports", map[string]any{"port": map[string]any{"network_id": back, "name": "mine"}}, nil)
	y, a := demo.typist(), admin.typist()
	y.words["FRONT"], y.words["BACK"] = front, back
	y.tells(t, "make and look", (*typist).making)
	y.tells(t, "look into", (*typist).lookingInto)
	y.tells(t, "change", (*typist).changing)
	y.tells(t, "networks", (*typist).networking)
	y.tells(t, "old commands", (*typist).oldCommands)
	y.tells(t, "actions", (*typist).actionLog)
	a.words["HOST"], a.words["DEMO"] = a.hostName(), demo.project
	a.tells(t, "of the administrator", (*typist).administering)
	y.tells(t, "registries", (*typist).registries)
	a.tells(t, "images of hosts", (*typist).images)
	y.tells(t, "quotas", (*typist).quotas)
	a.tells(t, "quotas of the administrator", (*typist).adminQuotas)
	y.tells(t, "remove", (*typist).removing)
	a.tells(t, "remove by force", (*typist).forcing)
	isAsBefore()
}

func (y *typist) making() []line {
	return []line{
		{typed: "zun version-list", shows: []string{"CURRENT", "1.41"}},
		{typed: "zun list", shows: []string{"task_state"}},
		{
			typed: "zun create --name made --cpu 0.1 -m 64 --net network=front -e COLOUR=green -e SIZE=big --label tier=web --workdir /tmp" +
				" --hostname made-host --restart on-failure:2 --availability-zone nova --image-driver docker $IMAGE sleep 100000",
			shows: []string{"made", "Creating", "COLOUR", "on-failure"}, then: y.state("made", "Created"),
		},
		{typed: "zun show made", shows: []string{"| status ", "Created", "made-host", "green", "'MaximumRetryCount': '2'", "10.2.0."}},
		{typed: "zun show made -f json", shows: []string{`"hostname": "made-host"`, `"memory": "64"`, `"COLOUR": "green"`, `"tier": "web"`, `"workdir": "/tmp"`}},
		{typed: "zun show made -f yaml", shows: []string{"hostname: made-host", "status: Created"}},
		{typed: "zun start made", shows: []string{"Request to start container made has been accepted."}, then: y.state("made", "Running")},
		{
			typed: "zun run -n web --net network=front,v4-fixed-ip=10.2.0.200 --security-group extra --security-group default --healthcheck cmd=true,interval=5s,retries=2,timeout=3s" +
				" $IMAGE sh -c 'echo started; echo oops >&2; exec sleep 100000'",
			shows: []string{"web", "Creating"}, then: y.state("web", "Running"),
		},
		{typed: "zun run --name brief --net network=back --entrypoint 'sh -c' $IMAGE 'echo by the entrypoint'", then: y.state("brief", "Stopped")},
		{typed: "zun logs brief", shows: []string{"by the entrypoint"}},
		{typed: "zun run --name short --net network=front --auto-remove $IMAGE true", then: y.gone("short")},
		{typed: "zun list", shows: []string{"made", "web", "brief", "10.2.0.200", "Running", "-short"}},
		{typed: "zun list --name web", shows: []string{"web", "-made"}},
		{typed: "zun list --status Stopped", shows: []string{"brief", "-web"}},
		{typed: "zun list --image $IMAGE --memory 64", shows: []string{"made", "-web"}},
		{typed: "zun list --project-id $PROJECT --auto-remove 0", shows: []string{"web"}},
		{typed: "zun list --task-state container_creating", shows: []string{"-web"}},
		{typed: "zun list --sort-key name --sort-dir desc --limit 1", shows: []string{"web", "-made", "-brief"}},
		{typed: "zun list --sort-key name --sort-dir asc --limit 2", shows: []string{"brief", "made", "-web"}},
		{typed: "zun list --host nowhere", exit: 1, shows: []string{"HTTP 403"}},
		{typed: "zun list --sort-key colour", exit: 1, shows: []string{"HTTP 400"}},
		{typed: "zun show none", exit: 1, shows: []string{"Container none could not be found. (HTTP 404)", "Request-ID: req-"}},
		{typed: "zun create --name -bad- $IMAGE", exit: 2},
		{typed: "zun create --memory 1 $IMAGE", exit: 1, shows: []string{"memory", "HTTP 400"}},
		{typed: "zun create --net network=nowhere $IMAGE", exit: 1, shows: []string{"nowhere", "HTTP 404"}},
		{typed: "zun create --security-group nobody $IMAGE", exit: 1, shows: []string{"Security group nobody not found.", "HTTP 400"}},
		{typed: "zun create --host somewhere $IMAGE", exit: 1, shows: []string{"HTTP 403"}},
		{typed: "zun create --privileged $IMAGE", exit: 1, shows: []string{"HTTP 403"}},
	}
}

func (y *typist) lookingInto() []line {
	t := y.user.tb
	t.Helper()
	here := t.TempDir()
	path := filepath.Join(here, "letter")
	if err := os.WriteFile(path, []byte("dear container"), 0o600); err != nil {
		t.Fatal(err)
	}
	y.words["LETTER"], y.words["BACKHERE"] = path, filepath.Join(here, "back")
	return []line{
		{typed: "zun exec web echo 'two  words' \\o", shows: []string{"two  words"}},
		{typed: "zun exec web sh -c 'echo to both; echo errors >&2; exit 3'", shows: []string{"to both", "errors"}},
		{typed: "zun exec web none-such", exit: 1, shows: []string{"none-such", "not found", "HTTP 400"}},
		{typed: "zun logs web", shows: []string{"started", "oops"}},
		{typed: "zun logs web --stdout", shows: []string{"started", "-oops"}},
		{typed: "zun logs web --stderr", shows: []string{"oops", "-started"}},
		// Docker counts the lines of both streams, and which of the two it has read first is chance.
		{typed: "zun logs web --stderr --tail 2 -t", shows: []string{"oops", "T", "Z ", "-started"}},
		{typed: "zun logs web --since 4000000000", shows: []string{"-started"}},
		{typed: "zun logs web --since yesterday", exit: 1, shows: []string{"HTTP 400"}},
		// The client cannot print what it got: on Python 3 it formats what print returns.
		{typed: "zun top web", exit: 1, shows: []string{"unsupported operand type(s) for %: 'NoneType' and 'str'"}},
		{typed: "zun top web --pid none", exit: 1, shows: []string{"HTTP 4"}},
		{typed: "zun stats web", shows: []string{"CONTAINER", "web", "CPU %", "MEM USAGE(MiB)", "NET I/O(B)"}},
		{typed: "zun cp $LETTER web:/tmp"},
		{typed: "zun exec web cat /tmp/letter", shows: []string{"dear container"}},
		{typed: "zun cp web:/tmp/letter $BACKHERE", then: func() {
			if text, err := os.ReadFile(filepath.Join(here, "back", "letter")); err != nil || string(text) != "dear container" {
				t.Errorf("copied back: %q, %v", text, err)
			}
		}},
		{typed: "zun cp web:/none $BACKHERE", exit: 1, shows: []string{"HTTP 400"}},
		{typed: "zun attach web", exit: 1, shows: []string{"HTTP 400"}}, // it is not interactive
	}
}

func (y *typist) changing() []line {
	return []line{
		{typed: "zun pause web", shows: []string{"Request to pause container web has been accepted."}, then: y.state("web", "Paused")},
		{typed: "zun pause web", shows: []string{"Pause for container web failed", "Cannot pause container", "in Paused state", "HTTP 409"}},
		{typed: "zun exec web true", exit: 1, shows: []string{"in Paused state", "HTTP 409"}},
		{typed: "zun unpause web", shows: []string{"has been accepted"}, then: y.state("web", "Running")},
		{typed: "zun stop web -t 1", shows: []string{"has been accepted"}, then: y.state("web", "Stopped")},
		{typed: "zun start web", shows: []string{"has been accepted"}, then: y.state("web", "Running")},
		{typed: "zun restart web -t 1", shows: []string{"has been accepted"}, then: y.state("web", "Running")},
		{typed: "zun kill web -s SIGUSR2", shows: []string{"Request to kill signal to container web has been accepted."}},
		{typed: "zun kill web -s SIGNONE", shows: []string{"kill signal for container web failed", "HTTP 400"}},
		{typed: "zun start web", then: y.startsAgain("web")},
		{typed: "zun kill web", shows: []string{"has been accepted"}, then: y.state("web", "Stopped")},
		{typed: "zun rebuild web", shows: []string{"Request to rebuild container web has been accepted."}, then: y.state("web", "Created")},
		{typed: "zun start web", then: y.state("web", "Running")},
		{typed: "zun rebuild web --image $IMAGE --image-driver docker", shows: []string{"has been accepted"}, then: y.state("web", "Running")},
		{typed: "zun show web", shows: []string{"10.2.0.200"}},
		{typed: "zun update web --cpu 0.2 -m 96", shows: []string{"0.2", "96"}},
		{typed: "zun update web --name www", shows: []string{"www"}},
		{typed: "zun update www --name web --auto-heal", shows: []string{"| auto_heal ", "True"}},
		{typed: "zun update web --no-auto-heal", shows: []string{"| auto_heal ", "False"}},
		{typed: "zun update web --memory 1", exit: 1, shows: []string{"HTTP 400"}},
		{typed: "zun update web", exit: 1, shows: []string{"You must update at least one property"}},
	}
}

// startsAgain waits until a container runs, whether or not a signal had ended it.
func (y *typist) startsAgain(name string) func() {
	return func() {
		until(y.user.tb, name+" runs", func() bool {
			return y.user.ask("1.40", "GET", "/containers/"+name, nil).is(200).record().Status == "Running" ||
				y.user.ask("1.40", "POST", "/containers/"+name+"/start", nil).status == 0
		})
	}
}

func (y *typist) networking() []line {
	return []line{
		{typed: "zun network-list web", shows: []string{"$FRONT", "10.2.0.200", "-$BACK"}},
		{typed: "zun network-attach web --network back --fixed-ip 10.3.0.177", shows: []string{"Request to attach network to container web has been accepted."}, then: y.networks("web", 2)},
		{typed: "zun network-attach web --network back", shows: []string{"Attach network to container web failed", "HTTP 400"}},
		{typed: "zun network-list web", shows: []string{"$FRONT", "$BACK", "10.3.0.177"}},
		{typed: "zun show web", shows: []string{"10.3.0.177", "10.2.0.200"}},
		{typed: "zun network-detach web --network back", shows: []string{"Request to detach network from container web has been accepted."}, then: y.networks("web", 1)},
		{typed: "zun network-detach web --network back", shows: []string{"Detach network from container web failed", "HTTP 400"}},
		{typed: "zun network-attach web --port mine", shows: []string{"has been accepted"}, then: y.networks("web", 2)},
		{typed: "zun network-detach web --port mine", shows: []string{"has been accepted"}, then: y.networks("web", 1)},
		{typed: "zun network-detach web --network none", shows: []string{"Detach network from container web failed", "HTTP 404"}},
	}
}

// oldCommands are those that the service took away again at later microversions.
func (y *typist) oldCommands() []line {
	return []line{
		{typed: "zun rename web www", exit: 1, shows: []string{"HTTP 406"}},
		{typed: "zun --zun-api-version 1.13 rename web www", then: y.state("www", "Running")},
		{typed: "zun --zun-api-version 1.13 rename www web", then: y.state("web", "Running")},
		{typed: "zun add-security-group web strict", shows: []string{"failed", "HTTP 406"}},
		{typed: "zun --zun-api-version 1.14 add-security-group web strict", shows: []string{"Request to add security group for container web has been accepted."}, then: y.groups("web", 3)},
		{typed: "zun --zun-api-version 1.14 add-security-group web strict", shows: []string{"failed", "HTTP 400"}},
		{typed: "zun --zun-api-version 1.14 remove-security-group web strict", shows: []string{"Request to remove security group for container web has been accepted."}, then: y.groups("web", 2)},
		{typed: "zun --zun-api-version 1.12 list", shows: []string{"web", "made"}},
		{typed: "zun --zun-api-version 1.1 show web", shows: []string{"10.2.0.200"}},
	}
}

// groups waits until a container has so many security groups.
func (y *typist) groups(name string, count int) func() {
	return func() {
		y.user.tb.Helper()
		until(y.user.tb, "the security groups of "+name, func() bool {
			r := y.user.ask("1.40", "GET", "/containers/"+name, nil).is(200).record()
			return len(r.SecurityGroups) == count && r.TaskState == ""
		})
	}
}

// actionLog is the log of what was done above.
func (y *typist) actionLog() []line {
	y.words["REQUEST"] = y.creation("web")
	return []line{
		{typed: "zun action-list web", shows: []string{"create", "stop", "pause", "unpause", "rebuild", "kill", "reboot", "network_attach", "network_detach"}},
		{typed: "zun action-show web $REQUEST", shows: []string{"compute__do_container_create", "Success", "$REQUEST"}},
		{typed: "zun action-show web req-none", exit: 1, shows: []string{"The Action resource req-none could not be found.", "HTTP 404"}},
	}
}

// images asks for one that no registry has: the pull is recorded and taken on, which is all
// that the client sees of it.
func (y *typist) images() []line {
	return []line{
		{typed: "zun image-list", shows: []string{"uuid", "repo", "tag", "size"}},
		{typed: "zun pull localhost:1/gozun-e2e-none:1 $HOST", shows: []string{"gozun-e2e-none", "| tag "}},
		{typed: "zun pull gozun-e2e-none nowhere", exit: 1, shows: []string{"nowhere", "HTTP 400"}},
		{typed: "zun image-show 6e0fa5a1-1a3f-4a0e-9df4-1b9b6c1c2d3e", exit: 1, shows: []string{"HTTP 400"}},
		{typed: "zun image-delete 6e0fa5a1-1a3f-4a0e-9df4-1b9b6c1c2d3e", exit: 1, shows: []string{"HTTP 400"}},
	}
}

func (y *typist) registries() []line {
	return []line{
		{typed: "zun registry-create --name hub --domain registry.example.org --username me --password secret", shows: []string{"hub", "registry.example.org", "***", "-secret"}},
		{typed: "zun registry-create --name plain --domain other.example.org", shows: []string{"other.example.org"}},
		{typed: "zun registry-list", shows: []string{"hub", "plain"}},
		{typed: "zun registry-list --name hub --domain registry.example.org --username me", shows: []string{"hub", "-plain"}},
		{typed: "zun registry-show hub", shows: []string{"registry.example.org", "me", "-secret"}},
		{typed: "zun registry-show hub -f json", shows: []string{`"domain": "registry.example.org"`}},
		{typed: "zun registry-update hub --username you --name centre", shows: []string{"you", "centre"}},
		{typed: "zun registry-delete centre plain", shows: []string{"Request to delete registry centre has been accepted.", "Request to delete registry plain has been accepted."}},
		{typed: "zun registry-show centre", exit: 1, shows: []string{"HTTP 404"}},
		{typed: "zun registry-delete centre", shows: []string{"Delete for registry centre failed", "HTTP 404"}},
	}
}

func (y *typist) quotas() []line {
	return []line{
		{typed: "zun quota-get $PROJECT", shows: []string{"containers", "40", "51200"}},
		{typed: "zun quota-get --usages $PROJECT", shows: []string{"limit", "in_use", "40", "3"}},
		{typed: "zun quota-defaults $PROJECT", shows: []string{"40", "51200", "100"}},
		{typed: "zun quota-update --containers 50 $PROJECT", exit: 1, shows: []string{"HTTP 403"}},
		{typed: "zun quota-class-get default", exit: 1, shows: []string{"HTTP 403"}},
	}
}

func (y *typist) adminQuotas() []line {
	return []line{
		{typed: "zun quota-update --containers 50 --cpu 30 --memory 60000 --disk 200 $DEMO", shows: []string{"50", "30", "60000", "200"}},
		{typed: "zun quota-get $DEMO", shows: []string{"50", "60000"}},
		{typed: "zun quota-delete $DEMO"},
		{typed: "zun quota-get $DEMO", shows: []string{"40", "51200"}},
		{typed: "zun quota-class-update --containers 41 default", shows: []string{"41"}},
		{typed: "zun quota-class-get default", shows: []string{"41"}},
		{typed: "zun quota-defaults $DEMO", shows: []string{"41"}},
		{typed: "zun quota-class-update --containers 40 default", shows: []string{"40"}},
	}
}

// hostName asks for the name of the one host.
func (y *typist) hostName() string {
	var hosts struct{ Hosts []struct{ Hostname string } }
	y.user.ask("1.40", "GET", "/hosts/", nil).is(200).into(&hosts)
	if len(hosts.Hosts) != 1 {
		y.user.tb.Fatalf("one machine has %d hosts", len(hosts.Hosts))
	}
	return hosts.Hosts[0].Hostname
}

func (y *typist) administering() []line {
	return []line{
		{typed: "zun availability-zone-list", shows: []string{"nova"}},
		{typed: "zun host-list", shows: []string{"$HOST", "mem_total"}},
		{typed: "zun host-show $HOST", shows: []string{"$HOST", "kernel_version", "Linux"}},
		{typed: "zun host-show $HOST -f json", shows: []string{`"hostname": "$HOST"`}},
		{typed: "zun host-show none", exit: 1, shows: []string{"HTTP 404"}},
		{typed: "zun service-list", shows: []string{"$HOST", "zun-compute", "up", "nova"}},
		{typed: "zun service-disable $HOST zun-compute --reason cleaning", shows: []string{"cleaning", "True"}},
		{typed: "zun service-list", shows: []string{"cleaning"}},
		{typed: "zun service-enable $HOST zun-compute", shows: []string{"False"}},
		{typed: "zun service-force-down $HOST zun-compute", shows: []string{"forced_down", "True"}},
		{typed: "zun service-list", shows: []string{"down"}},
		{typed: "zun service-force-down $HOST zun-compute --unset", shows: []string{"forced_down", "False"}},
		{typed: "zun service-disable none zun-compute", exit: 1, shows: []string{"HTTP 404"}},
		{typed: "zun service-delete none zun-compute", shows: []string{"Delete for binary zun-compute on host none failed", "HTTP 404"}},
		{typed: "zun list", shows: []string{"-web"}},
		{typed: "zun list --all-projects --host $HOST", shows: []string{"web", "made"}},
		{typed: "zun show --all-projects web", shows: []string{"$HOST"}},
	}
}

func (y *typist) removing() []line {
	return []line{
		{typed: "zun delete web", shows: []string{"Delete for container web failed", "Cannot delete container", "in Running state", "HTTP 409"}},
		{typed: "zun delete -f web", shows: []string{"Delete for container web failed", "HTTP 403"}},
		{typed: "zun delete brief none", shows: []string{"Request to delete container brief has been accepted.", "Delete for container none failed"}, then: y.gone("brief")},
		{typed: "zun delete --stop web", shows: []string{"has been accepted"}, then: y.gone("web")},
		{typed: "zun list", shows: []string{"made", "-web", "-brief"}},
	}
}

func (y *typist) forcing() []line {
	return []line{
		{typed: "zun delete -f --all-projects made", shows: []string{"has been accepted"}, then: y.gone("made")},
		{typed: "zun list --all-projects", shows: []string{"-made"}},
	}
}
