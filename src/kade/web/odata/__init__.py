"""The query options ``$filter`` and ``$orderBy`` of OData, as far as lists need them.

Text becomes a tree of ``core.query`` by a table of fields that whoever owns the list brings along: this
package knows the language and none of the names (OData 4.01 part 2: URL Conventions, 5.1.1 and 5.1.4).
"""
