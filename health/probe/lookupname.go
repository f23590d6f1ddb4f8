package probe

import "errors"

// fieldsLookup are the fields of a look-up.
var fieldsLookup = group{[]string{"Name", "Via"}, Spec.checkLookup}

func (s Spec) checkLookup() error {
	switch {
	case s.Name == "":
		return errors.New("lookup: it has no name")
	case s.Via == "":
		return errors.New("lookup: it says not by whom")
	}
	return nil
}

// newLookupProber says that there is none: a name is looked up through the plugins of a name server, of which this
// package knows nothing. Who has them makes the Prober.
func newLookupProber(Spec, *network) (Prober, error) {
	return nil, errors.New("lookup: there is no name server to look the name up")
}
