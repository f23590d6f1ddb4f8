//go:build linux && kube

package kube

import (
	"fmt"
	"sync/atomic"
	"testing"

	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	rbac "k8s.io/api/rbac/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	authentication "k8s.io/api/authentication/v1"
)

// Client returns a client that is the administrator.
func (p *Plane) Client(t *testing.T) *kubernetes.Clientset {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", p.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	config.QPS, config.Burst = 200, 400
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// serial makes names that no test had before.
var serial atomic.Int64

// Namespace makes a namespace that no other test has. It goes with the test.
func (p *Plane) Namespace(t *testing.T) string {
	t.Helper()
	name := fmt.Sprintf("test-%d", serial.Add(1))
	client := p.Client(t)
	_, err := client.CoreV1().Namespaces().Create(t.Context(),
		&core.Namespace{ObjectMeta: meta.ObjectMeta{Name: name}}, meta.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if p.shared {
		t.Cleanup(func() { p.Kubectl(t, "delete", "namespace", name, "--wait=false") })
	}
	return name
}

// stockRules are those of the ClusterRole "system:coredns" that every CoreDNS in a cluster has.
func stockRules() []rbac.PolicyRule {
	verbs := []string{"list", "watch"}
	return []rbac.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"endpoints", "services", "pods", "namespaces"}, Verbs: verbs},
		{APIGroups: []string{"discovery.k8s.io"}, Resources: []string{"endpointslices"}, Verbs: verbs},
	}
}

// ServiceAccount makes a service account that may do what CoreDNS may in a cluster, by a ClusterRole of its own, and
// returns the name of that.
func (p *Plane) ServiceAccount(t *testing.T, namespace, name string) (role string) {
	t.Helper()
	client := p.Client(t)
	role = namespace + ":" + name
	_, err := client.CoreV1().ServiceAccounts(namespace).Create(t.Context(),
		&core.ServiceAccount{ObjectMeta: meta.ObjectMeta{Name: name}}, meta.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.RbacV1().ClusterRoles().Create(t.Context(),
		&rbac.ClusterRole{ObjectMeta: meta.ObjectMeta{Name: role}, Rules: stockRules()}, meta.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.RbacV1().ClusterRoleBindings().Create(t.Context(), &rbac.ClusterRoleBinding{
		ObjectMeta: meta.ObjectMeta{Name: role},
		RoleRef:    rbac.RoleRef{APIGroup: rbac.GroupName, Kind: "ClusterRole", Name: role},
		Subjects:   []rbac.Subject{{Kind: rbac.ServiceAccountKind, Namespace: namespace, Name: name}},
	}, meta.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if p.shared {
		t.Cleanup(func() { p.Kubectl(t, "delete", "clusterrole,clusterrolebinding", role) })
	}
	return role
}

// ServiceAccountToken returns a token of a service account that is there, as the kubelet has one made for a pod.
func (p *Plane) ServiceAccountToken(t *testing.T, namespace, name string) string {
	t.Helper()
	hour := int64(3600)
	request := &authentication.TokenRequest{Spec: authentication.TokenRequestSpec{ExpirationSeconds: &hour}}
	made, err := p.Client(t).CoreV1().ServiceAccounts(namespace).CreateToken(t.Context(), name, request,
		meta.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return made.Status.Token
}

// Service makes a Service without a selector, with a port "http" 80, so that its endpoints are those of Slice. It
// returns the cluster address.
func (p *Plane) Service(t *testing.T, namespace, name string) string {
	t.Helper()
	made, err := p.Client(t).CoreV1().Services(namespace).Create(t.Context(), &core.Service{
		ObjectMeta: meta.ObjectMeta{Name: name},
		Spec:       core.ServiceSpec{Ports: []core.ServicePort{{Name: "http", Port: 80}}},
	}, meta.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return made.Spec.ClusterIP
}

// Slice makes an EndpointSlice of a Service, with IPv4 addresses that are ready, at the port "http" 80.
func (p *Plane) Slice(t *testing.T, namespace, service, name string, addresses ...string) {
	t.Helper()
	port, portName, ready := int32(80), "http", true
	slice := &discovery.EndpointSlice{
		ObjectMeta:  meta.ObjectMeta{Name: name, Labels: map[string]string{discovery.LabelServiceName: service}},
		AddressType: discovery.AddressTypeIPv4,
		Ports:       []discovery.EndpointPort{{Name: &portName, Port: &port}},
	}
	for _, address := range addresses {
		slice.Endpoints = append(slice.Endpoints, discovery.Endpoint{
			Addresses: []string{address}, Conditions: discovery.EndpointConditions{Ready: &ready},
		})
	}
	_, err := p.Client(t).DiscoveryV1().EndpointSlices(namespace).Create(t.Context(), slice, meta.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// SetReady makes all endpoints of a slice ready or not. With nil it is not said, which counts as ready.
func (p *Plane) SetReady(t *testing.T, namespace, slice string, ready *bool) {
	t.Helper()
	slices := p.Client(t).DiscoveryV1().EndpointSlices(namespace)
	now, err := slices.Get(t.Context(), slice, meta.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range now.Endpoints {
		now.Endpoints[i].Conditions = discovery.EndpointConditions{Ready: ready}
	}
	if _, err := slices.Update(t.Context(), now, meta.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// Node makes a node. The controller of EndpointSlices passes over pods whose node is not there, and does not look at
// them again when it comes: nodes are made first.
func (p *Plane) Node(t *testing.T, name string) {
	t.Helper()
	_, err := p.Client(t).CoreV1().Nodes().Create(t.Context(),
		&core.Node{ObjectMeta: meta.ObjectMeta{Name: name}}, meta.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if p.shared {
		t.Cleanup(func() { p.Kubectl(t, "delete", "node", name) })
	}
}

// Pod makes a pod on a node, with labels {app: APP}, that nothing runs.
func (p *Plane) Pod(t *testing.T, namespace, name, app, node string) {
	t.Helper()
	no := false
	_, err := p.Client(t).CoreV1().Pods(namespace).Create(t.Context(), &core.Pod{
		ObjectMeta: meta.ObjectMeta{Name: name, Labels: map[string]string{"app": app}},
		Spec: core.PodSpec{
			NodeName:                     node,
			AutomountServiceAccountToken: &no,
			Containers:                   []core.Container{{Name: "app", Image: "registry.example.org/app"}},
		},
	}, meta.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// PodReady says for the kubelet that a pod runs at an address, and whether it is ready.
func (p *Plane) PodReady(t *testing.T, namespace, name, address string, ready bool) {
	t.Helper()
	pods := p.Client(t).CoreV1().Pods(namespace)
	pod, err := pods.Get(t.Context(), name, meta.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	condition := core.PodCondition{Type: core.PodReady, Status: core.ConditionFalse}
	if ready {
		condition.Status = core.ConditionTrue
	}
	pod.Status = core.PodStatus{
		Phase: core.PodRunning, PodIP: address, PodIPs: []core.PodIP{{IP: address}},
		Conditions: []core.PodCondition{condition},
	}
	if _, err := pods.UpdateStatus(t.Context(), pod, meta.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}
