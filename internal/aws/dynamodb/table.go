package dynamodb

// Key is an attribute of a key schema. Type is "S" for strings, "N" for numbers.
type Key struct{ Name, Type string }

// Index is a global secondary index. It is sparse: only items that have both attributes
// are in it. It carries the table's keys only, so that a record that changes costs no second
// write; what an index finds is read from the table.
type Index struct {
	Name            string
	Partition, Sort Key
}

// Definition is the shape of the table.
type Definition struct {
	Partition, Sort Key
	Indexes         []Index
	TTL             string // the attribute with the Unix second after which DynamoDB deletes an item
	Stream          string // what the stream's records carry
}

// The names of the indexes.
const (
	indexWork       = "work"
	indexDue        = "due"
	indexRepository = "repository"
	indexDrifted    = "drifted"
)

// The attributes that are no part of a record.
const (
	attributePK      = "PK"
	attributeSK      = "SK"
	attributeSchema  = "schema"
	attributeExpires = "expires"
	attributeSpilled = "spilled" // by name of the attribute, the key of the blob that holds it
	attributeWork    = "work"
	attributeDue     = "due"
	attributeDueAt   = "dueAt"
	attributeDrifted = "drifted"
	// attributeRepository is a field of an application; a repository's item has it too, so
	// that one index lists the applications of a repository and all repositories.
	attributeRepository = "repository"
	attributeID         = "id"
	attributeVersion    = "version"
)

// The values of the indexes' partition keys.
const (
	workRepository  = "repo"
	workApplication = "app"
	dueDrift        = "drift"
	driftedAny      = "app"
	allRepositories = "*" // no repository's id, which is hexadecimal
)

// Table is the definition of the table, for whoever makes it.
var Table = Definition{
	Partition: Key{attributePK, "S"},
	Sort:      Key{attributeSK, "S"},
	Indexes: []Index{
		{Name: indexWork, Partition: Key{attributeWork, "S"}, Sort: Key{attributeID, "S"}},
		{Name: indexDue, Partition: Key{attributeDue, "S"}, Sort: Key{attributeDueAt, "N"}},
		{Name: indexRepository, Partition: Key{attributeRepository, "S"}, Sort: Key{attributeID, "S"}},
		{Name: indexDrifted, Partition: Key{attributeDrifted, "S"}, Sort: Key{attributeID, "S"}},
	},
	TTL:    attributeExpires,
	Stream: "NEW_AND_OLD_IMAGES",
}
