package flights
import ("testing";"context";"os";"time";"fmt")
func TestProbe(t *testing.T){
 os.MkdirAll("/tmp/rep",0o755); root,_:=os.OpenRoot("/tmp/rep"); w,_:=OpenWork(root,"work/x"); ctx:=context.Background(); nop:=func(int,int){}
 tm:=time.Now(); lap:=func(s string){fmt.Println(s,time.Since(tm)); tm=time.Now()}
 l,err:=Load(ctx,w,nop); lap("load")
 c,err:=Clean(ctx,w,l,nop); lap("clean")
 a,err:=Aggregate(ctx,w,c,nop); lap("agg")
 b,err:=Bootstrap(ctx,w,c,a,Resampling{25000,2001},Mark{},func(Mark)error{return nil},nop); lap("boot")
 ch,err:=Charts(ctx,w,a,b,12,nop); lap("charts")
 if err!=nil {t.Fatal(err)}
 wr,err:=WriteHTML(ctx,w,Results{c,a,b,ch},"flights.html",time.Now(),nop); lap("write")
 fmt.Printf("%+v %v\n",wr,err)
}
