// A window with a line of text. A program with a binding to Qt would write this in Rust.
#include <QApplication>
#include <QLabel>
#include <QPointer>

static QPointer<QLabel> label;

extern "C" {
// Makes the application and its window, runs until the window is closed, and destroys both. Calls when they are there, and
// when the window is closed.
void window_run(void (*ready)(void *), void (*closed)(void *), void *data) noexcept {
    int count = 1;
    char name[] = "example";
    char *arguments[] = {name, nullptr};
    QApplication application(count, arguments);
    QLabel window(QStringLiteral("no job has run yet"));
    window.resize(320, 120);
    window.show();
    label = &window;
    ready(data);
    application.exec();
    closed(data);
}

// Shows a text of so many bytes, if the window is there. In the thread of the application.
void window_show(const char *text, size_t length) noexcept {
    if (label)
        label->setText(QString::fromUtf8(text, static_cast<qsizetype>(length)));
}

// Closes the window. In the thread of the application.
void window_close() noexcept {
    if (label)
        label->close();
}
}
