package term

// Colour is how a text looks; the zero value is as usual.
type Colour string

// The colours in use.
const (
	Plain  Colour = ""
	Green  Colour = "\x1b[32m"
	Yellow Colour = "\x1b[33m"
	Red    Colour = "\x1b[31m"
	Bold   Colour = "\x1b[1m"
	Dim    Colour = "\x1b[2m"
)

const reset = "\x1b[0m"

// Text is a text in a colour, once it is written.
type Text struct {
	Text   string
	Colour Colour
}

// Paint gives a text its colour where there are colours.
func (t *Terminal) Paint(c Colour, text string) string {
	text = Clean(text)
	if !t.colour || c == Plain || text == "" {
		return text
	}
	return string(c) + text + reset
}
