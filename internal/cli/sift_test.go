package cli

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSift(t *testing.T) {
	type row struct {
		name string
		size any
	}
	all := []column[row]{
		{name: "name", get: func(r row) any { return r.name }},
		{name: "Size", extra: true, get: func(r row) any { return r.size }},
	}
	rows := []row{{"web-2", 10}, {"Db", 9}, {"web-10", nil}, {"api", 9}}
	for name, test := range map[string]struct {
		sift sift
		want string
	}{
		"as it comes":        {sift{}, "web-2 Db web-10 api"},
		"by name":            {sift{by: []string{"NAME"}}, "api Db web-10 web-2"},
		"by number":          {sift{by: []string{"size"}}, "Db api web-2 web-10"},
		"falling":            {sift{by: []string{"size"}, falling: true}, "web-10 web-2 Db api"},
		"by two columns":     {sift{by: []string{"size", "name"}}, "api Db web-2 web-10"},
		"one":                {sift{where: []string{"name=db"}}, "Db"},
		"some":               {sift{where: []string{"name=web*"}}, "web-2 web-10"},
		"in the middle":      {sift{where: []string{"name=*b*0"}}, "web-10"},
		"two conditions":     {sift{where: []string{"name=*b*", "size=9"}}, "Db"},
		"none":               {sift{where: []string{"name=b"}}, ""},
		"no text":            {sift{where: []string{"size="}}, "web-10"},
		"both kinds at once": {sift{where: []string{"size=9"}, by: []string{"name"}, falling: true}, "Db api"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := sifted(test.sift, all, rows)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, r := range got {
				names = append(names, r.name)
			}
			if diff := cmp.Diff(test.want, strings.Join(names, " ")); diff != "" {
				t.Error(diff)
			}
		})
	}
	if rows[0].name != "web-2" {
		t.Error("what was found was changed")
	}
}

func TestSiftsThatCannotBe(t *testing.T) {
	all := []column[int]{{name: "name", get: func(int) any { return "x" }}}
	for says, s := range map[string]sift{
		"--sort-column size: no such column; there are name": {by: []string{"size"}},
		"--where size: no such column; there are name":       {where: []string{"size=1"}},
		"--where name: write COLUMN=TEXT":                    {where: []string{"name"}},
	} {
		var usage usageError
		if _, err := sifted(s, all, nil); !errors.As(err, &usage) || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %q", err, says)
		}
	}
}
