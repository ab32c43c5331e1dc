package ovsdb

import "time"

// Operation is one step of a transaction (RFC 7047, 5.2). The functions of this file make
// them.
type Operation map[string]any

// Condition is a column, a function and a value.
type Condition [3]any

// Equal holds for rows whose column is the value.
func Equal(column string, value any) Condition { return Condition{column, "==", value} }

// Includes holds for rows whose column has at least the elements of the value (Set or Map).
func Includes(column string, value any) Condition { return Condition{column, "includes", value} }

// Mutation is a column, a mutator and a value.
type Mutation [3]any

// Add puts elements into a set or, where their keys are not there yet, into a map; a
// number is added to.
func Add(column string, value any) Mutation {
	if _, isNumber := value.(int); isNumber {
		return Mutation{column, "+=", value}
	}
	return Mutation{column, "insert", value}
}

// Remove takes elements out of a set or map; of a map a Set of keys too.
func Remove(column string, value any) Mutation { return Mutation{column, "delete", value} }

// where keeps "no condition" a list, as the protocol wants one.
func where(conditions []Condition) []Condition {
	if conditions == nil {
		return []Condition{}
	}
	return conditions
}

// Insert adds a row. name, if not "", is what others of the transaction call it
// (NamedUUID). Its Result has the new row's UUID.
func Insert(table string, row map[string]any, name string) Operation {
	o := Operation{"op": "insert", "table": table, "row": row}
	if name != "" {
		o["uuid-name"] = name
	}
	return o
}

// Select reads columns of the rows that fulfil all conditions. Its Result has the Rows.
func Select(table string, columns []string, conditions ...Condition) Operation {
	return Operation{"op": "select", "table": table, "columns": columns, "where": where(conditions)}
}

// Mutate changes rows relative to what they are. Its Result has the Count.
func Mutate(table string, mutations []Mutation, conditions ...Condition) Operation {
	return Operation{"op": "mutate", "table": table, "mutations": mutations, "where": where(conditions)}
}

// Delete removes rows. Its Result has the Count.
func Delete(table string, conditions ...Condition) Operation {
	return Operation{"op": "delete", "table": table, "where": where(conditions)}
}

// Wait holds the transaction back until the one column of the rows that fulfil the condition is
// (until "==") or is not ("!=") the value; after timeout the transaction fails with
// KindTimedOut. With a timeout of 0 it is a precondition.
func Wait(table, column, until string, value any, timeout time.Duration, conditions ...Condition) Operation {
	return Operation{
		"op": "wait", "table": table, "columns": []string{column}, "until": until, "where": where(conditions),
		"rows": []map[string]any{{column: value}}, "timeout": timeout.Milliseconds(),
	}
}
