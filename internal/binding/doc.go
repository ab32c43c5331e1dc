// Package binding connects the host end of an endpoint's veth pair to the switch of this
// host, in the way that the port's binding:vif_type says.
//
// It must not know Docker or Neutron's API: it is told what the port is and leaves a pair
// of links. It is safe to repeat everything.
package binding
