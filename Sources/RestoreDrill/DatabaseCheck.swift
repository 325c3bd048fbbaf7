internal import GRDB
internal import Support
internal import SystemPackage

/// `databases`: each opens, passes integrity_check and foreign_key_check, has the manifest's row counts, and its full-text indexes
/// agree with their tables.
enum DatabaseCheck {
    /// - Parameter scratch: a folder, made and removed here, for the copies that the full-text check writes to.
    static func run(
        _ home: FilePath, databases: [Expectations.Database], scratch: FilePath, cancellation: CancellationFlag
    ) throws -> CheckFinding {
        var faults: [String] = []
        var measured: [String: Int64] = ["databases": Int64(databases.count)]
        for database in databases {
            try cancellation.check()
            let name = printable(database.path)
            guard database.wasSound else {
                faults.append("\(name) was damaged already when the backup was taken")
                continue
            }
            do {
                // A folder for each copy: a log that one leaves must not stand beside the next.
                try FileSystem.removeTree(scratch)
                defer { try? FileSystem.removeTree(scratch) }
                let copy = try copy(FilePath(bytes: home.bytes + [UInt8(ascii: "/")] + database.path), into: scratch)
                faults += try check(copy, database, &measured).map { "\(name) \($0)" }
            } catch let error as DatabaseError {
                faults.append("\(name) does not open: \(printable(error.message ?? "\(error.resultCode)", limit: 120))")
            } catch let error as OperatorError {
                faults.append("\(name): \(error.reason)")
            }
        }
        return databases.isEmpty ? .skipped("the backup carries no database") : .judging(faults, measured)
    }

    private static func check(
        _ path: FilePath, _ expected: Expectations.Database, _ measured: inout [String: Int64]
    ) throws -> [String] {
        var configuration = GRDB.Configuration()
        configuration.foreignKeysEnabled = false
        let queue = try DatabaseQueue(path: path.string, configuration: configuration)
        defer { try? queue.close() }
        return try queue.writeWithoutTransaction { database in
            var faults: [String] = []
            let integrity = try String.fetchAll(database, sql: "PRAGMA integrity_check(5)")
            if integrity != ["ok"] {
                return ["fails integrity_check: \(printable(integrity.first ?? "no answer", limit: 120))"]
            }
            let orphans = try Row.fetchAll(database, sql: "PRAGMA foreign_key_check").count
            if orphans > 0 { faults.append("has \(orphans) rows whose foreign key points nowhere") }
            for (table, count) in expected.rowCounts.sorted(by: { $0.key < $1.key }) {
                let quoted = "\"" + table.replacing("\"", with: "\"\"") + "\""
                guard let found = try? Int64.fetchOne(database, sql: "SELECT COUNT(*) FROM \(quoted)") else {
                    faults.append("has no table \(printable(table, limit: 60))")
                    continue
                }
                if found != count {
                    faults.append("has \(found) rows in \(printable(table, limit: 60)) instead of \(count)")
                }
                if expected.path == Array("state.db".utf8), table == "sessions" || table == "messages" {
                    measured[table] = found
                }
            }
            faults += try fullText(database)
            if expected.path == Array("state.db".utf8) { faults += try messageIndexes(database) }
            return faults
        }
    }

    /// Triggers keep one row in each full-text table of state.db for every message.
    private static func messageIndexes(_ database: Database) throws -> [String] {
        let tables = try Set(String.fetchAll(database, sql: "SELECT name FROM sqlite_master WHERE type = 'table'"))
        guard tables.contains("messages") else { return [] }
        let messages = try Int64.fetchOne(database, sql: "SELECT COUNT(*) FROM messages") ?? 0
        return try ["messages_fts", "messages_fts_trigram"].filter(tables.contains).compactMap { table in
            let rows = try Int64.fetchOne(database, sql: "SELECT COUNT(*) FROM \(table)") ?? 0
            return rows == messages ? nil : "has \(rows) rows in \(table) for \(messages) messages"
        }
    }

    /// FTS5 tables check themselves (sqlite.org/fts5.html, "The 'integrity-check' Command"); rank 1 compares with the content table too.
    private static func fullText(_ database: Database) throws -> [String] {
        let tables = try String.fetchAll(
            database,
            sql: "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE%fts5%'")
        var faults: [String] = []
        for table in tables {
            let quoted = "\"" + table.replacing("\"", with: "\"\"") + "\""
            do {
                try database.execute(sql: "INSERT INTO \(quoted)(\(quoted), rank) VALUES('integrity-check', 1)")
            } catch {
                faults.append("has a full-text index \(printable(table, limit: 60)) that does not agree with its table")
            }
        }
        return faults
    }

    /// A private copy of a database, its write-ahead log with it if there is one.
    static func copy(_ source: FilePath, into folder: FilePath) throws -> FilePath {
        try FileSystem.makeDirectory(folder)
        let target = folder.appending("database")
        for suffix in ["", "-wal"] {
            let part = FilePath(bytes: source.bytes + Array(suffix.utf8))
            if !suffix.isEmpty, try !ConfigCheck.exists(part) { continue }
            let input = try FileSystem.openRegular(part, followingLinks: false)
            defer { input.closeQuietly() }
            let output = try AtomicFile(FilePath(bytes: target.bytes + Array(suffix.utf8)))
            do throws(Errno) {
                try TreeCopy.copyBytes(from: input, to: output.descriptor)
            } catch {
                throw OperatorError.system(error.rawValue, doing: "copying the database", subject: source.printable)
            }
            try output.commit()
        }
        return target
    }
}
