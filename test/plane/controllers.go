package main

import (
	"context"
	"sync"

	v1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller/endpointslice"
	"k8s.io/kubernetes/pkg/controller/namespace"
	"k8s.io/kubernetes/pkg/controller/serviceaccount"
)

// startControllers starts those that make EndpointSlices from pods and services, end namespaces, and give each
// namespace its default service account. They run until the context ends; wait returns when they have.
func startControllers(ctx context.Context, config *rest.Config) (wait func(), err error) {
	config = rest.CopyConfig(config)
	// Tests make many objects at once, and are not to wait for a client's politeness.
	config.QPS, config.Burst = 200, 400
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	meta, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	all := informers.NewSharedInformerFactory(client, 0)
	core := all.Core().V1()
	slices := endpointslice.NewController(ctx, core.Pods(), core.Services(), core.Nodes(),
		all.Discovery().V1().EndpointSlices(), 100, client, 0)
	namespaces := namespace.NewNamespaceController(ctx, client, meta, client.Discovery().ServerPreferredNamespacedResources,
		core.Namespaces(), 0, v1.FinalizerKubernetes)
	accounts, err := serviceaccount.NewServiceAccountsController(klog.FromContext(ctx), core.ServiceAccounts(),
		core.Namespaces(), client, serviceaccount.DefaultServiceAccountsControllerOptions())
	if err != nil {
		return nil, err
	}
	all.Start(ctx.Done())
	var running sync.WaitGroup
	running.Go(func() { slices.Run(ctx, 2) })
	running.Go(func() { namespaces.Run(ctx, 2) })
	running.Go(func() { accounts.Run(ctx, 1) })
	return func() {
		running.Wait()
		all.Shutdown()
	}, nil
}
