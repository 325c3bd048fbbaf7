internal import GRDB
internal import Support
internal import SystemPackage

/// `databases`: each opens, passes integrity_check and foreign_key_check, has the manifest's row counts, and its full-text indexes
/// agree with their tables.
enum DatabaseCheck {
    /// - Parameter scratch: a folder for the copies that the full-text check writes to.
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
                let path = home.appending(FilePath(bytes: database.path).components)
                let copy = scratch.appending("database-copy")
                try FileSystem.removeTree(copy)
                try copyFile(path, to: copy)
                defer { try? FileSystem.removeTree(copy) }
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
            return faults
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

    private static func copyFile(_ source: FilePath, to target: FilePath) throws {
        let input = try FileSystem.openRegular(source, followingLinks: false)
        defer { input.closeQuietly() }
        let output = try AtomicFile(target)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { buffer.deallocate() }
        while true {
            let count = try input.read(into: buffer)
            if count == 0 { break }
            try output.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
        try output.commit()
    }
}
