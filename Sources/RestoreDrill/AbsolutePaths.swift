internal import GRDB
internal import HermesHome
internal import Support
internal import SystemPackage

/// Absolute paths inside restored data, which still name the place that the home was in (hermes-home.md, "Pitfalls").
enum AbsolutePaths {
    /// One line for each place that names a path outside the target: `state.db, gateway_routing.scope: /old/sessions (3 rows)`.
    /// What cannot be read is left to the checks.
    static func find(_ home: FilePath, target: FilePath, scratch: FilePath) throws -> [String] {
        var found: [String] = []
        var places = try HomePlaces(home)
        for (prefix, layout) in try places.homes() {
            let place = prefix.isEmpty ? target : target.pushing(FilePath(String(prefix.dropLast())))
            found += try columns(
                of: places.find(prefix + "state.db"), name: prefix + "state.db", [("gateway_routing", "scope")],
                outside: place, scratch)
            found += try columns(
                of: places.find(prefix + "projects.db"), name: prefix + "projects.db",
                [("projects", nil), ("project_folders", nil), ("discovered_repos", nil)], outside: place, scratch)
            if try places.find(prefix + "cron/jobs.json") != nil {
                found += workFolders(of: layout, name: prefix + "cron/jobs.json", outside: place)
            }
        }
        return found
    }

    private static func columns(
        of database: FilePath?, name: String, _ wanted: [(table: String, column: String?)], outside target: FilePath,
        _ scratch: FilePath
    ) throws -> [String] {
        guard let database else { return [] }
        try FileSystem.removeTree(scratch)
        defer { try? FileSystem.removeTree(scratch) }
        let copy = try DatabaseCheck.copy(database, into: scratch)
        let inside = target.string + "/"
        return
            (try? read(copy, wanted).filter { $0.path != target.string && !$0.path.hasPrefix(inside) }.map {
                "\(name), \($0.column): \(printable($0.path, limit: 300)) (\($0.rows) rows)"
            }) ?? []
    }

    private static func read(_ copy: FilePath, _ wanted: [(table: String, column: String?)]) throws
        -> [(column: String, path: String, rows: Int64)]
    {
        let queue = try DatabaseQueue(path: copy.string)
        defer { try? queue.close() }
        return try queue.read { database in
            var found: [(column: String, path: String, rows: Int64)] = []
            for (table, column) in wanted where try database.tableExists(table) {
                let columns = try column.map { [$0] } ?? database.columns(in: table).map(\.name)
                for column in columns {
                    let quoted = "\"" + column.replacing("\"", with: "\"\"") + "\""
                    let rows = try Row.fetchAll(
                        database,
                        sql: """
                            SELECT \(quoted), COUNT(*) FROM "\(table)"
                            WHERE typeof(\(quoted)) = 'text' AND \(quoted) LIKE '/%' GROUP BY 1 ORDER BY 1 LIMIT 20
                            """)
                    for row in rows {
                        if let path: String = row[0] { found.append(("\(table).\(column)", path, row[1] ?? 0)) }
                    }
                }
            }
            return found
        }
    }

    private static func workFolders(of layout: HomeLayout, name: String, outside target: FilePath) -> [String] {
        guard let text = try? FileSystem.read(layout.cronJobs, limit: 32 << 20),
            let json = try? JSONValue(parsing: text, allowingControlCharacters: true)
        else { return [] }
        let jobs = json["jobs"]?.array ?? json.array ?? []
        return jobs.compactMap { job in
            guard let folder = job["workdir"]?.string, folder.hasPrefix("/"), folder != target.string,
                !folder.hasPrefix(target.string + "/")
            else { return nil }
            return "\(name), workdir of job \(printable(job["id"]?.string ?? "?", limit: 40)): "
                + printable(folder, limit: 300)
        }
    }
}
