// Package lookup finds out what addresses names have that other plugins of a server block answer for: in the background,
// through the plugins that come after this one, so that no query ever waits for it. A look-up is one attempt of a check,
// by the Prober that a Table makes; whoever uses a name reads what was found last.
//
// A Table belongs to the process. What is known of a name stays while it has users, over reloads. What was found is
// immutable; the Table's mutex is never held while a plugin is asked or a user is told.
package lookup
