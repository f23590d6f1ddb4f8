package cluster

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-a19ac2b6/failover/health/probe"

	"golang.org/x/time/rate"
	discovery "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

// Times of a feed.
const (
	// graceTime is for how long nothing may be followed before what is known counts as stale: a watch ends every few
	// minutes, and the next one begins at once.
	graceTime = 3 * time.Second
	// openTime is how long an API server may take to begin its answer to a watch, and listTime all of a list.
	openTime = 30 * time.Second
	listTime = 60 * time.Second
	// overtime is how much longer than it was asked to a watch may last.
	overtime = 30 * time.Second
	// retryFirst and retryMost are how long it takes until an API server that is away is asked again.
	retryFirst = 500 * time.Millisecond
	retryMost  = 10 * time.Second
)

// mostPages bounds a list that comes in pages of 500.
const mostPages = mostSlices/500 + 1

var errClosed = errors.New("it has closed the connection")

// feed keeps the endpoints of a namespace up to date.
type feed struct {
	server    *server
	namespace string
	endpoints *endpoints
	context   context.Context
	cancel    context.CancelFunc
	// pace holds back a server that ends each watch as soon as it has begun, which a Reflector does not mind.
	pace  *rate.Limiter
	pages atomic.Int32 // of the list under way

	mu     sync.Mutex
	users  map[string]map[*user]bool // by Service
	synced bool                      // there has been a list
	away   bool                      // nothing has been followed for the graceTime
	cause  string                    // what went wrong last
	timer  *time.Timer               // runs while nothing is followed
	due    time.Time                 // when it has run down; zero while there is a watch
	ended  bool
}

func newFeed(s *server, namespace string) *feed {
	f := &feed{
		server: s, namespace: namespace, users: make(map[string]map[*user]bool),
		pace: rate.NewLimiter(rate.Every(time.Second), 5),
	}
	f.context, f.cancel = context.WithCancel(klog.NewContext(context.Background(), quiet))
	f.endpoints = newEndpoints(namespace, f.tell, f.listed)
	f.due = time.Now().Add(graceTime)
	f.timer = time.AfterFunc(graceTime, f.giveUp)
	return f
}

// run follows the namespace until the feed is cancelled.
func (f *feed) run() {
	reflector := cache.NewReflectorWithOptions(lister{f}, &discovery.EndpointSlice{}, f.endpoints, cache.ReflectorOptions{
		Logger: &quiet,
		Name:   "failover",
		Backoff: &wait.Backoff{
			Duration: retryFirst, Cap: retryMost, Steps: 100, Factor: 2, Jitter: 0.5,
		},
	})
	reflector.RunWithContext(f.context)
	f.mu.Lock()
	f.ended = true
	f.timer.Stop()
	away := f.away
	f.away = false
	f.mu.Unlock()
	if away {
		f.server.found()
	}
}

// judge says what is known of a Service.
func (f *feed) judge(service, port string) probe.Result {
	f.mu.Lock()
	synced, away, cause := f.synced, f.away, f.cause
	f.mu.Unlock()
	switch {
	case f.endpoints.full():
		return stale(errOverfull.Error())
	case synced && !away:
		return f.endpoints.judge(service, port)
	}
	text := "the API server is away"
	if !synced {
		text = "the API server has told nothing yet"
	}
	if cause != "" {
		text += ": " + cause
	}
	return stale(text)
}

// listed notes that all is known.
func (f *feed) listed() {
	f.mu.Lock()
	f.synced = true
	back := f.isBack()
	f.lookFor()
	f.mu.Unlock()
	if back {
		f.server.found()
	}
	f.tellAll(false)
}

// followed notes that changes will be told.
func (f *feed) followed() {
	f.mu.Lock()
	f.timer.Stop()
	f.due, f.cause = time.Time{}, ""
	back := f.isBack()
	f.mu.Unlock()
	if back {
		f.server.found()
		f.tellAll(false)
	}
}

// isBack notes that the API server is not away, and tells whether it was.
func (f *feed) isBack() bool {
	back := f.away && !f.ended
	f.away = f.away && f.ended
	return back
}

// lookFor gives the API server the graceTime to be followed again.
func (f *feed) lookFor() {
	if !f.ended && !f.away {
		f.due = time.Now().Add(graceTime)
		f.timer.Reset(graceTime)
	}
}

// failed notes what went wrong.
func (f *feed) failed(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.context.Err() == nil {
		f.cause = words(err, f.namespace)
	}
}

// unfollowed notes that a watch has ended.
func (f *feed) unfollowed() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lookFor()
}

// giveUp is called when nothing has been followed for the graceTime. A timer that has run down when it is stopped calls
// it all the same; then a watch has begun, or it has more time.
func (f *feed) giveUp() {
	f.mu.Lock()
	if f.ended || f.away || f.due.IsZero() || time.Now().Before(f.due) {
		f.mu.Unlock()
		return
	}
	f.away = true
	if f.cause == "" {
		f.cause = "there is no answer in time"
	}
	cause := f.cause
	f.mu.Unlock()
	f.server.lost(cause)
	f.tellAll(true) // even if nothing was known before: now there is a cause
}

// user is a check.
type user struct {
	service, port string
	changed       func()

	// telling is held while changed is called, which for one Watch is never two at a time.
	telling sync.Mutex
	last    probe.Outcome // when it was told last
}

// tell tells the user if the state is another one, or anyway.
func (u *user) tell(f *feed, anyway bool) {
	u.telling.Lock()
	defer u.telling.Unlock()
	if now := f.judge(u.service, u.port).Outcome; now != u.last || anyway {
		u.last = now
		u.changed()
	}
}

func (f *feed) join(u *user) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.users[u.service] == nil {
		f.users[u.service] = make(map[*user]bool)
	}
	f.users[u.service][u] = true
}

// leave tells whether that was the last one.
func (f *feed) leave(u *user) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.users[u.service], u)
	if len(f.users[u.service]) == 0 {
		delete(f.users, u.service)
	}
	return len(f.users) == 0
}

// tell tells the users of Services.
func (f *feed) tell(services ...string) {
	var concerned []*user
	f.mu.Lock()
	for _, service := range services {
		for u := range f.users[service] {
			concerned = append(concerned, u)
		}
	}
	f.mu.Unlock()
	for _, u := range concerned {
		u.tell(f, false)
	}
}

// tellAll tells all users.
func (f *feed) tellAll(anyway bool) {
	var all []*user
	f.mu.Lock()
	for _, users := range f.users {
		for u := range users {
			all = append(all, u)
		}
	}
	f.mu.Unlock()
	for _, u := range all {
		u.tell(f, anyway)
	}
}

// lister asks for the EndpointSlices of a feed's namespace, and notes what comes of it. The contexts that it is given are
// not used: a list of client-go's goes on when that of the Reflector has ended.
type lister struct{ feed *feed }

var (
	_ cache.ListerWatcher            = lister{}
	_ cache.ListerWatcherWithContext = lister{}
)

// IsWatchListSemanticsUnSupported has the Reflector make a list before it watches: the list that comes by the watch
// itself is retried without a pause, and not every API server has it.
func (lister) IsWatchListSemanticsUnSupported() bool { return true }

// List implements cache.ListerWatcher.
func (l lister) List(options meta.ListOptions) (runtime.Object, error) {
	return l.ListWithContext(l.feed.context, options)
}

// Watch implements cache.ListerWatcher.
func (l lister) Watch(options meta.ListOptions) (watch.Interface, error) {
	return l.WatchWithContext(l.feed.context, options)
}

// ListWithContext implements cache.ListerWatcherWithContext.
func (l lister) ListWithContext(_ context.Context, options meta.ListOptions) (runtime.Object, error) {
	list, err := l.list(options)
	if err != nil {
		l.feed.failed(err)
		return nil, err
	}
	return list, nil
}

func (l lister) list(options meta.ListOptions) (runtime.Object, error) {
	f := l.feed
	if options.Continue == "" {
		f.pages.Store(0)
		if err := f.pace.Wait(f.context); err != nil {
			return nil, err
		}
	}
	if f.pages.Add(1) > mostPages {
		return nil, errOverfull
	}
	client, err := f.server.connect()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(f.context, listTime)
	defer cancel()
	list := &discovery.EndpointSliceList{}
	return list, f.request(client, &options).Do(ctx).Into(list)
}

// WatchWithContext implements cache.ListerWatcherWithContext.
func (l lister) WatchWithContext(_ context.Context, options meta.ListOptions) (watch.Interface, error) {
	w, err := l.watch(options)
	switch {
	case err == nil:
		l.feed.followed()
		return w, nil
	case !apierrors.IsGone(err) && !apierrors.IsResourceExpired(err):
		l.feed.failed(err)
	}
	return nil, err
}

func (l lister) watch(options meta.ListOptions) (watch.Interface, error) {
	f := l.feed
	if err := f.pace.Wait(f.context); err != nil {
		return nil, err
	}
	client, err := f.server.connect()
	if err != nil {
		return nil, err
	}
	longest := 10 * time.Minute
	if options.TimeoutSeconds != nil {
		longest = time.Duration(*options.TimeoutSeconds) * time.Second
	}
	opened := false
	ctx, cancel := context.WithTimeout(noting(f.context, &opened), longest+overtime)
	late := time.AfterFunc(openTime, cancel)
	options.Watch = true
	w, err := f.request(client, &options).Watch(ctx)
	inTime := late.Stop()
	switch {
	case err == nil && opened && inTime:
		return &stream{Interface: w, feed: f, cancel: cancel}, nil
	case err == nil:
		w.Stop()
		err = errClosed
		if !inTime {
			err = context.DeadlineExceeded
		}
	}
	cancel()
	return nil, err
}

// request is what client-go's own client for EndpointSlices would ask, but for its retries: the Reflector makes these,
// and what goes wrong is to be known at once.
func (f *feed) request(c *client, options *meta.ListOptions) *rest.Request {
	return c.api.RESTClient().Get().Namespace(f.namespace).Resource("endpointslices").
		VersionedParams(options, scheme.ParameterCodec).MaxRetries(0)
}

// stream is a watch whose end is noted: the Reflector stops each, and be it because it has ended.
type stream struct {
	watch.Interface

	feed   *feed
	cancel context.CancelFunc
	once   sync.Once
}

// Stop implements watch.Interface.
func (s *stream) Stop() {
	s.once.Do(func() {
		s.cancel()
		s.Interface.Stop()
		s.feed.unfollowed()
	})
}
