package e2e

import (
	"os"
	"path/filepath"
	"testing"
)

// The openstack appcontainer commands of Debian's python3-zunclient, which wait for what
// they set going if they are asked to.
func TestStockOpenStack(t *testing.T) {
	c := anyCloud(t)
	isAsBefore := c.dockerAsItIs()
	demo, admin := c.demo(), c.admin()
	front, _ := demo.makeNetwork("front", map[string]any{"cidr": "10.2.0.0/24"})
	back, _ := demo.makeNetwork("back", map[string]any{"cidr": "10.3.0.0/24"})
	y, a := demo.typist(), admin.typist()
	y.words["FRONT"], y.words["BACK"] = front, back
	y.tells(t, "make and look", (*typist).osMaking)
	y.tells(t, "look into", (*typist).osLookingInto)
	y.tells(t, "change", (*typist).osChanging)
	y.tells(t, "networks", (*typist).osNetworking)
	y.tells(t, "actions", (*typist).osActionLog)
	a.words["HOST"], a.words["DEMO"] = a.hostName(), demo.project
	a.tells(t, "of the administrator", (*typist).osAdministering)
	y.tells(t, "registries", (*typist).osRegistries)
	y.tells(t, "quotas", (*typist).osQuotas)
	a.tells(t, "quotas of the administrator", (*typist).osAdminQuotas)
	y.tells(t, "remove", (*typist).osRemoving)
	isAsBefore()
}

func (y *typist) osMaking() []line {
	return []line{
		{
			typed: "openstack appcontainer create -f json --wait --name made --cpu 0.1 --memory 64 --net network=front --environment COLOUR=green --label tier=web" +
				" --workdir /tmp --hostname made-host --restart on-failure:2 $IMAGE sleep 100000",
			shows: []string{`"status": "Created"`, `"hostname": "made-host"`},
		},
		{typed: "openstack appcontainer show made -f json", shows: []string{`"memory": "64"`, `"COLOUR": "green"`, `"tier": "web"`, "10.2.0."}},
		{typed: "openstack appcontainer show made -f value -c status", shows: []string{"Created"}},
		{typed: "openstack appcontainer start made", shows: []string{"Request to start container made has been accepted"}, then: y.state("made", "Running")},
		{
			typed: "openstack appcontainer run -f json --wait --name web --net network=front,v4-fixed-ip=10.2.0.200 --security-group default --auto-heal" +
				" --healthcheck cmd=true,interval=5s,retries=2,timeout=3s $IMAGE sh -c 'echo started; echo oops >&2; exec sleep 100000'",
			shows: []string{`"status": "Running"`, "10.2.0.200"},
		},
		{typed: "openstack appcontainer run -f json --wait --name open --net network=back --expose-port 80/tcp --entrypoint server $IMAGE", shows: []string{`"status": "Running"`}},
		{typed: "openstack appcontainer list -f json", shows: []string{`"name": "web"`, `"name": "made"`, `"name": "open"`, `"status": "Running"`}},
		{typed: "openstack appcontainer list", shows: []string{"task_state", "10.2.0.200"}},
		{typed: "openstack appcontainer list --name web --status Running -f value -c name", shows: []string{"web", "-made"}},
		{typed: "openstack appcontainer list --sort-key name --sort-dir desc --limit 1 -f value -c name", shows: []string{"web", "-made"}},
		{typed: "openstack appcontainer list --host nowhere", exit: 1, shows: []string{"HTTP 403"}},
		{typed: "openstack appcontainer show none", exit: 1, shows: []string{"Container none could not be found. (HTTP 404)"}},
		{typed: "openstack appcontainer create --memory 1 $IMAGE", exit: 1, shows: []string{"memory", "HTTP 400"}},
		{typed: "openstack appcontainer run --net network=nowhere $IMAGE", exit: 1, shows: []string{"nowhere", "HTTP 404"}},
		{typed: "openstack --os-container-api-version 1.12 appcontainer list -f json", shows: []string{`"name": "web"`}},
	}
}

func (y *typist) osLookingInto() []line {
	t := y.user.tb
	here := t.TempDir()
	letter := filepath.Join(here, "letter")
	if err := os.WriteFile(letter, []byte("dear container"), 0o600); err != nil {
		t.Fatal(err)
	}
	y.words["LETTER"], y.words["BACKHERE"] = letter, filepath.Join(here, "back")
	return []line{
		{typed: "openstack appcontainer exec web echo 'two  words'", shows: []string{"two  words"}},
		{typed: "openstack appcontainer exec web sh -c 'echo before the end; exit 3'", exit: 3},
		{typed: "openstack appcontainer logs web", shows: []string{"started", "oops"}},
		{typed: "openstack appcontainer logs web --stdout", shows: []string{"started", "-oops"}},
		{typed: "openstack appcontainer logs web --tail 2 --timestamps --since 1", shows: []string{"oops", "Z ", "started"}},
		// The client cannot print what it got: on Python 3 it formats what print returns.
		{typed: "openstack appcontainer top web", exit: 1, shows: []string{"unsupported operand type(s) for %: 'NoneType' and 'str'"}},
		{typed: "openstack appcontainer stats web -f json", shows: []string{`"CONTAINER": "web"`, `"CPU %"`, `"MEM LIMIT(MiB)"`}},
		{typed: "openstack appcontainer cp $LETTER web:/tmp"},
		{typed: "openstack appcontainer exec web cat /tmp/letter", shows: []string{"dear container"}},
		{typed: "openstack appcontainer cp web:/tmp/letter $BACKHERE", then: func() {
			if text, err := os.ReadFile(filepath.Join(here, "back", "letter")); err != nil || string(text) != "dear container" {
				t.Errorf("copied back: %q, %v", text, err)
			}
		}},
		{typed: "openstack appcontainer attach web", exit: 1, shows: []string{"HTTP 400"}}, // it is not interactive
	}
}

func (y *typist) osChanging() []line {
	return []line{
		{typed: "openstack appcontainer pause web", shows: []string{"Request to pause container web has been accepted"}, then: y.state("web", "Paused")},
		{typed: "openstack appcontainer unpause web", shows: []string{"has been accepted"}, then: y.state("web", "Running")},
		{typed: "openstack appcontainer stop web --timeout 1", shows: []string{"Request to stop container web has been accepted."}, then: y.state("web", "Stopped")},
		{typed: "openstack appcontainer pause web", shows: []string{"Pause for container web failed", "in Stopped state", "HTTP 409"}},
		{typed: "openstack appcontainer start web", then: y.state("web", "Running")},
		{typed: "openstack appcontainer restart web --timeout 1", shows: []string{"Request to restart container web has been accepted"}, then: y.state("web", "Running")},
		{typed: "openstack appcontainer kill web --signal SIGKILL", shows: []string{"Request to send kill signal to container web has been accepted"}, then: y.state("web", "Stopped")},
		{typed: "openstack appcontainer start web", then: y.state("web", "Running")},
		{typed: "openstack appcontainer rebuild --wait --image $IMAGE web", shows: []string{"Request to rebuild container web has been accepted", "rebuild container web success."}, then: y.state("web", "Running")},
		{typed: "openstack appcontainer set web --name www --cpu 0.2 --memory 96 -f json", shows: []string{`"name": "www"`, `"memory": "96"`, `"cpu": 0.2`}},
		{typed: "openstack appcontainer set www --name web --no-auto-heal -f json", shows: []string{`"name": "web"`, `"auto_heal": false`}},
		{typed: "openstack appcontainer set web", exit: 1, shows: []string{"You must update at least one property"}},
		{typed: "openstack appcontainer add security group web default", shows: []string{"failed", "HTTP 406"}},
		{typed: "openstack appcontainer remove security group web default", shows: []string{"failed", "HTTP 406"}},
	}
}

func (y *typist) osNetworking() []line {
	return []line{
		{typed: "openstack appcontainer network list web -f json", shows: []string{"$FRONT", "10.2.0.200", "-$BACK"}},
		{typed: "openstack appcontainer network attach web --network back --fixed-ip 10.3.0.177", shows: []string{"Request to attach network to container web"}, then: y.networks("web", 2)},
		{typed: "openstack appcontainer network list web -f json", shows: []string{"$BACK", "10.3.0.177"}},
		{typed: "openstack appcontainer network detach web --network back", shows: []string{"Request to detach network for container web"}, then: y.networks("web", 1)},
		{typed: "openstack appcontainer network attach web --network none", shows: []string{"Attach network to container web failed", "HTTP 404"}},
	}
}

func (y *typist) osActionLog() []line {
	y.words["REQUEST"] = y.creation("web")
	return []line{
		{typed: "openstack appcontainer action list web -f json", shows: []string{`"create"`, `"rebuild"`, `"network_attach"`, "$REQUEST"}},
		{typed: "openstack appcontainer action show web $REQUEST -f json", shows: []string{"compute__do_container_create", "Success"}},
	}
}

func (y *typist) osAdministering() []line {
	return []line{
		{typed: "openstack appcontainer availability zone list -f json", shows: []string{`"availability_zone": "nova"`}},
		{typed: "openstack appcontainer host list -f json", shows: []string{"$HOST", `"mem_total"`}},
		{typed: "openstack appcontainer host show $HOST -f json", shows: []string{`"hostname": "$HOST"`, `"kernel_version"`}},
		{typed: "openstack appcontainer service list -f json", shows: []string{"$HOST", `"zun-compute"`, `"up"`}},
		{typed: "openstack appcontainer service disable $HOST zun-compute --reason cleaning", then: y.disabled(true)},
		{typed: "openstack appcontainer service enable $HOST zun-compute", then: y.disabled(false)},
		{typed: "openstack appcontainer service forcedown $HOST zun-compute"},
		{typed: "openstack appcontainer service list -f json", shows: []string{`"down"`}},
		{typed: "openstack appcontainer service forcedown $HOST zun-compute --unset"},
		{typed: "openstack appcontainer service delete none zun-compute", shows: []string{"failed", "HTTP 404"}},
		{typed: "openstack appcontainer list --all-projects --host $HOST -f json", shows: []string{`"web"`, `"made"`}},
		{typed: "openstack appcontainer show --all-projects web -f json", shows: []string{`"host": "$HOST"`}},
	}
}

// disabled insists that the one service is out of service, or is not.
func (y *typist) disabled(wanted bool) func() {
	return func() {
		y.user.tb.Helper()
		var all struct{ Services []struct{ Disabled bool } }
		y.user.ask("1.40", "GET", "/services/", nil).is(200).into(&all)
		if len(all.Services) != 1 || all.Services[0].Disabled != wanted {
			y.user.tb.Errorf("the services are %+v", all.Services)
		}
	}
}

func (y *typist) osRegistries() []line {
	return []line{
		{typed: "openstack appcontainer registry create --name hub --domain registry.example.org --username me --password secret -f json", shows: []string{`"name": "hub"`, "-secret"}},
		{typed: "openstack appcontainer registry list -f json", shows: []string{`"hub"`, "registry.example.org"}},
		{typed: "openstack appcontainer registry show hub -f json", shows: []string{`"username": "me"`, `"password": "***"`}},
		{typed: "openstack appcontainer registry update hub --username you -f json", shows: []string{`"username": "you"`}},
		{typed: "openstack appcontainer registry delete hub", shows: []string{"hub"}},
		{typed: "openstack appcontainer registry show hub", exit: 1, shows: []string{"HTTP 404"}},
	}
}

func (y *typist) osQuotas() []line {
	return []line{
		{typed: "openstack appcontainer quota get $PROJECT -f json", shows: []string{`"containers": 40`}},
		{typed: "openstack appcontainer quota get --usages $PROJECT", shows: []string{"in_use", "3"}},
		{typed: "openstack appcontainer quota default $PROJECT -f json", shows: []string{`"memory": 51200`}},
		{typed: "openstack appcontainer quota update --containers 50 $PROJECT", exit: 1, shows: []string{"HTTP 403"}},
	}
}

func (y *typist) osAdminQuotas() []line {
	return []line{
		{typed: "openstack appcontainer quota update --containers 50 --cpu 30 --memory 60000 --disk 200 $DEMO -f json", shows: []string{`"containers": 50`}},
		{typed: "openstack appcontainer quota delete $DEMO"},
		{typed: "openstack appcontainer quota get $DEMO -f json", shows: []string{`"containers": 40`}},
		{typed: "openstack appcontainer quota class update --containers 41 default -f json", shows: []string{"41"}},
		{typed: "openstack appcontainer quota class get default -f json", shows: []string{"41"}},
	}
}

func (y *typist) osRemoving() []line {
	return []line{
		{typed: "openstack appcontainer delete web", shows: []string{"Delete for container web failed", "in Running state", "HTTP 409"}},
		{typed: "openstack appcontainer delete --stop --wait web made", shows: []string{"Delete for container web success.", "Delete for container made success."}},
		{typed: "openstack appcontainer delete --stop open", shows: []string{"Request to delete container open has been accepted."}, then: y.gone("open")},
		{typed: "openstack appcontainer list -f json", shows: []string{"[]"}},
	}
}
