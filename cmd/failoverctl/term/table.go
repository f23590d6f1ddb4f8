package term

import (
	"strings"
	"unicode/utf8"
)

// Table is rows of cells. Column by column they are as wide as the widest; the last one is as it comes.
type Table struct {
	head []string
	rows [][]Text
}

// NewTable is a table with the given heads of its columns.
func NewTable(head ...string) *Table { return &Table{head: head} }

// Row adds a row of strings and Texts.
func (tb *Table) Row(cells ...any) {
	row := make([]Text, len(cells))
	for i, cell := range cells {
		switch cell := cell.(type) {
		case Text:
			row[i] = Text{Clean(cell.Text), cell.Colour}
		case string:
			row[i] = Text{Text: Clean(cell)}
		}
		if row[i].Text == "" {
			row[i].Text = "-"
		}
	}
	tb.rows = append(tb.rows, row)
}

// Empty tells that there are no rows.
func (tb *Table) Empty() bool { return len(tb.rows) == 0 }

// Table writes a table on Out.
func (t *Terminal) Table(tb *Table) {
	widths := make([]int, len(tb.head))
	for i, head := range tb.head {
		widths[i] = utf8.RuneCountInString(head)
	}
	for _, row := range tb.rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell.Text))
		}
	}
	head := make([]Text, len(tb.head))
	for i := range head {
		head[i] = Text{tb.head[i], Dim}
	}
	t.row(head, widths)
	for _, row := range tb.rows {
		t.row(row, widths)
	}
}

func (t *Terminal) row(cells []Text, widths []int) {
	var line strings.Builder
	for i, cell := range cells {
		line.WriteString(t.Paint(cell.Colour, cell.Text))
		if i < len(cells)-1 {
			line.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell.Text)+2))
		}
	}
	t.Line("%s", line.String())
}
