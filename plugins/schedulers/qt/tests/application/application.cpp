// An application for tests.
#include <QCoreApplication>

using Call = void (*)(void *data);

extern "C" {
// Makes an application, says so, runs it until it is to quit, and destroys it.
void application_run(Call ready, void *data) noexcept {
    int count = 1;
    char name[] = "tests";
    char *arguments[] = {name, nullptr};
    QCoreApplication application(count, arguments);
    ready(data);
    application.exec();
}

// Calls in the thread of the application, which must be there. In any thread.
void application_call(Call call, void *data) noexcept {
    QMetaObject::invokeMethod(qApp, [call, data] { call(data); }, Qt::QueuedConnection);
}

// In the thread of the application.
void application_process_events() noexcept {
    QCoreApplication::processEvents(QEventLoop::AllEvents | QEventLoop::WaitForMoreEvents);
}

void application_quit() noexcept { QCoreApplication::quit(); }
}
