//go:build linux && kube

package kube

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"

	authorization "k8s.io/api/authorization/v1"
	rbac "k8s.io/api/rbac/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// right is something that one may ask of an API server, in all namespaces.
type right struct{ verb, resource, group string }

// reading is what a watch needs.
func reading(resource, group string) []right {
	return []right{{"list", resource, group}, {"watch", resource, group}}
}

// grantsNoMore asks an API server that has taken the manifests what the service accounts of both shapes may do.
func (p *Plane) grantsNoMore(t *testing.T) {
	endpoints := reading("endpointslices", "discovery.k8s.io")
	cluster := append(reading("services", ""), reading("pods", "")...)
	cluster = append(cluster, reading("namespaces", "")...)
	never := []right{
		{"get", "endpointslices", "discovery.k8s.io"}, {"update", "endpointslices", "discovery.k8s.io"},
		{"get", "configmaps", ""}, {"list", "configmaps", ""}, {"get", "secrets", ""}, {"list", "secrets", ""},
		{"list", "nodes", ""}, {"get", "services", ""}, {"create", "pods", ""}, {"create", "pods/exec", ""},
		{"delete", "pods", ""}, {"patch", "deployments", "apps"}, {"create", "serviceaccounts/token", ""},
		{"list", "leases", "coordination.k8s.io"}, {"impersonate", "users", ""},
	}
	for _, c := range []struct {
		namespace, account string
		yes, no            []right
	}{
		{"kube-system", "coredns", append(cluster, endpoints...), never},
		{"failover-dns", "failover-dns", endpoints, append(cluster, never...)},
	} {
		may := func(r right) bool {
			resource, sub, _ := strings.Cut(r.resource, "/")
			answer, err := p.Client(t).AuthorizationV1().SubjectAccessReviews().Create(t.Context(),
				&authorization.SubjectAccessReview{Spec: authorization.SubjectAccessReviewSpec{
					User: "system:serviceaccount:" + c.namespace + ":" + c.account,
					Groups: []string{
						"system:serviceaccounts", "system:serviceaccounts:" + c.namespace, "system:authenticated",
					},
					ResourceAttributes: &authorization.ResourceAttributes{
						Verb: r.verb, Group: r.group, Resource: resource, Subresource: sub,
					},
				}}, meta.CreateOptions{})
			if err != nil {
				t.Fatal(err)
			}
			return answer.Status.Allowed
		}
		for _, r := range c.yes {
			if !may(r) {
				t.Errorf("%s: Expected it to be allowed to %s %s", c.account, r.verb, r.resource)
			}
		}
		for _, r := range c.no {
			if may(r) {
				t.Errorf("%s: Expected it not to be allowed to %s %s", c.account, r.verb, r.resource)
			}
		}
	}
}

// grantsInANamespace takes the right for all namespaces away, as a component does, and gives it for one.
func (p *Plane) grantsInANamespace(t *testing.T) {
	page := shippedFile(t, "README.md")
	_, binding, _ := strings.Cut(page, "~~~ yaml\napiVersion: rbac.authorization.k8s.io/v1\n")
	binding, _, found := strings.Cut(binding, "~~~")
	if !found {
		t.Fatal("Expected a RoleBinding on the page")
	}
	p.Kubectl(t, "delete", "clusterrolebinding", "failover-dns")
	named, other := "failover-demo", p.Namespace(t)
	p.Apply(t, "apiVersion: rbac.authorization.k8s.io/v1\n"+binding)
	for _, namespace := range []string{named, other} {
		p.Service(t, namespace, "here")
		p.Slice(t, namespace, "here", "here", "192.0.2.1")
	}
	token := p.ServiceAccountToken(t, "failover-dns", "failover-dns")
	s := harness.StartBy(t, p.InCluster(t, "failover-dns", token), `example.org:@DNS@ {
    bind 127.0.0.1
    failover {
        admin 127.0.0.1:@ADMIN@
        check named kubernetes `+named+`/here
        check other kubernetes `+other+`/here
        primary   www 192.0.2.1    check named
        secondary www 198.51.100.1 check other
    }
}
`)
	harness.Eventually(t, harness.Soon, "a check of the namespace is healthy, and another one not known", func() bool {
		r := harness.Ctl(t, s.Dir, nil, "status", "--server", fmt.Sprintf("http://127.0.0.1:%d", s.Ports["@ADMIN@"]))
		return regexp.MustCompile(`named@\S+ \S+ +healthy `).MatchString(r.Out) &&
			regexp.MustCompile(`other@\S+ \S+ +unknown `).MatchString(r.Out)
	})
}

// TestManifestsRules wants no rule beyond those, which no list of questions could tell.
func TestManifestsRules(t *testing.T) {
	all := Shared(t).manifests(t)
	for name, want := range map[string][]rbac.PolicyRule{"system:coredns": stockRules(), "failover-dns": stockRules()[1:]} {
		manifest := all["dedicated"] + "---\n" + all["cluster-dns"]
		if got := object[rbac.ClusterRole](t, manifest, "ClusterRole", name).Rules; !reflect.DeepEqual(got, want) {
			t.Errorf("ClusterRole %s: Expected the rules\n%v\ngot\n%v", name, want, got)
		}
	}
}

// TestManifestsElsewhere has all of shape B in a namespace of one's own, the subject of its rights too: without them no
// check of a Service would ever be told anything, and answers would look well.
func TestManifestsElsewhere(t *testing.T) {
	made := Shared(t).Kubectl(t, "kustomize", overlay(t, "../example",
		"namespace: elsewhere\ncomponents: [../dedicated/network-policy]\n"))
	binding := object[rbac.ClusterRoleBinding](t, made, "ClusterRoleBinding", "failover-dns")
	if got := binding.Subjects; len(got) != 1 || got[0].Name != "failover-dns" || got[0].Namespace != "elsewhere" {
		t.Errorf("Expected the account of the namespace to have the rights, got %v", got)
	}
	for _, o := range objects(t, made) {
		if o.Namespace != "" && o.Namespace != "elsewhere" || o.Kind == "Namespace" && o.Name != "elsewhere" {
			t.Errorf("Expected a namespace of one's own, got %s %s/%s", o.Kind, o.Namespace, o.Name)
		}
	}
}
