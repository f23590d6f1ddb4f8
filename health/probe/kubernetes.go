package probe

import (
	"errors"
	"fmt"
	"strconv"
)

// fieldsKubernetes are the fields of a check of a Kubernetes Service.
var fieldsKubernetes = group{
	[]string{"Namespace", "Service", "ServicePort", "Kubeconfig", "Context"}, Spec.checkKubernetes,
}

// checkKubernetes lets no name pass that an API server would refuse: what it is asked ends up in a URL.
func (s Spec) checkKubernetes() error {
	switch {
	case !isLabel(s.Namespace):
		return fmt.Errorf("kubernetes: %q is not the name of a namespace", s.Namespace)
	case !isLabel(s.Service):
		return fmt.Errorf("kubernetes: %q is not the name of a Service", s.Service)
	case s.ServicePort != "" && !isServicePort(s.ServicePort):
		return fmt.Errorf("kubernetes: %q is neither the name nor the number of a port", s.ServicePort)
	case s.Context != "" && s.Kubeconfig == "":
		return errors.New("kubernetes: a context needs a kubeconfig")
	}
	return nil
}

// isLabel tells whether name is a label of RFC 1123, as names in Kubernetes are.
func isLabel(name string) bool {
	if name == "" || len(name) > 63 || name[0] == '-' || name[len(name)-1] == '-' {
		return false
	}
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-':
		default:
			return false
		}
	}
	return true
}

// isServicePort tells whether port is a number, or the name that a port of an EndpointSlice may have.
func isServicePort(port string) bool {
	if n, err := strconv.Atoi(port); err == nil {
		return n >= 1 && n <= 65535 && port == strconv.Itoa(n)
	}
	return isLabel(port)
}

// newKubernetesProber refuses, since an attempt does not ask by itself: package cluster, which follows API servers, makes
// these probers. It is not imported here, so that who judges a configuration need not link a client of Kubernetes.
func newKubernetesProber(Spec, *network) (Prober, error) {
	return nil, errors.New("kubernetes: nobody follows an API server here")
}
